"""The page in a browser, with data from the server."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from nas.run_directory import dashboard_source
from results.architecture_file import read
from results.candidate import Candidate, State, stages_text
from results.dashboard.page_files import WHOLE
from results.dashboard.report import write_report
from results.files import table
from results.noise import outcomes, wilson_interval
from results.ranking import best, front, ranked, winner
from results.verdict import find_verdict
from reward.objective import Objective, parse_reward
from reward.step_time.measurement import normalized
from search_space.spaces import small, vertex_efficientnetv2
from tests.results.dashboard.conftest import CANDIDATES, Visit
from tests.results.dashboard.made_run import add, made_candidate, make_run

Serve = Callable[..., str]
Begin = Callable[..., Visit]
# A run's reward, what is moved, and the reward that it is then.
MOVES = {
    "absolute:T=0.5": ({"T": 1.2, "beta": -0.2}, "absolute:T=1.2,beta=-0.2"),
    "absolute:T=0.05s": ({"T": 0.03}, "absolute:T=0.03s"),
    "hard:T=0.6": ({"T": 0.4, "beta": -0.5}, "hard:T=0.4,beta=-0.5"),
    "soft:T=0.6": ({"alpha": 0, "beta": -0.2}, "soft:T=0.6,alpha=0,beta=-0.2"),
}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def page(made: Path, serve: Serve, visit: Begin) -> Page:
    """Open the page of the run."""
    return visit().open(serve(made))


def test_every_candidate_is_drawn_and_the_winner_is_correct(
    page: Page, candidates: list[Candidate]
) -> None:
    winner = best(candidates, Objective())
    assert winner is not None
    assert page.locator("html").get_attribute("data-drawn") == str(CANDIDATES)
    expect(page.locator("#winner")).to_contain_text(f"candidate {winner.number}")
    expect(page.locator("#legend")).to_contain_text(f"Pareto front {len(front(candidates))}")


@pytest.mark.parametrize(("w", "v"), [(0.0, 0.0), (-0.3, 0.0), (0.0, -0.3), (-0.15, -0.1)])
def test_the_sliders_rank_as_the_objective_does(
    page: Page, candidates: list[Candidate], w: float, v: float
) -> None:
    slide(page, w=w, v=v)
    expected = [str(c.number) for _, c in ranked(candidates, Objective(w, v))[:5]]
    rows = page.locator("#ranking tbody tr button")
    assert [rows.nth(i).inner_text() for i in range(5)] == expected
    expect(page.locator("#winner")).to_contain_text(f"candidate {expected[0]}")


@pytest.mark.parametrize("where", ["server", "report"])
@pytest.mark.parametrize("reward", list(MOVES))
def test_a_run_is_ranked_by_the_form_of_its_reward(
    reward: str, where: str, tmp_path: Path, serve: Serve, visit: Begin
) -> None:
    with make_run(tmp_path / "run", 40, reward=reward, minival_images=400) as record:
        found = record.candidates()
    if where == "server":
        address = serve(tmp_path / "run")
    else:
        source = dashboard_source(tmp_path / "run")
        address = write_report(tmp_path / "report.html", [source]).as_uri()
    page = visit().open(address)
    objective = parse_reward(reward)
    first = winner(found, objective)
    verdict = find_verdict(outcomes(found), objective, {"minival_images": 400})
    assert first is not None
    assert verdict is not None
    assert verdict.certainty is not None
    expect(page.locator("#winner h2")).to_have_text(f"Winner: candidate {first.number}")
    assert _ranking(page) == _expected(found, objective)
    said = page.locator("#verdict")
    ties = len(verdict.certainty.ties)
    others = "another is" if ties == 1 else f"{ties} others are"
    headline = f"Candidate {first.number} leads, but {others} within the noise."
    expect(said).to_contain_text(headline)
    for sentence in verdict.sentences:
        expect(said).to_contain_text(sentence)
    for warning in verdict.warnings:
        expect(said).to_contain_text(warning)
    chance = f"{100 * verdict.certainty.winner_chance:.0f} %"
    expect(page.locator(".wins p").first).to_contain_text(f"best of all with {chance}")
    expect(page.locator("#map")).to_be_hidden()

    slide(page, **MOVES[reward][0])
    expect(said).to_contain_text(f"At the run's own reward: {headline}")
    moved = parse_reward(MOVES[reward][1])
    assert _ranking(page) == _expected(found, moved) != _expected(found, objective)
    expect(page.locator("#winner h2")).to_have_text(
        f"Winner: candidate {_expected(found, moved)[0]}"
    )
    verdict = find_verdict(outcomes(found), moved, {"minival_images": 400})
    assert verdict is not None
    assert verdict.certainty is not None
    if where == "server":
        chances = [f"{number}" for number, _ in verdict.certainty.chances[:4]]
        expect(page.locator(".wins ol button")).to_have_text(chances)
    else:
        expect(page.locator(".wins")).to_have_text(
            "The chances are known at the run's own reward only."
        )
    page.locator("#own-numbers").click()
    expect(page.locator("#winner h2")).to_have_text(f"Winner: candidate {first.number}")


@pytest.mark.parametrize(
    ("reward", "name"),
    [
        ("product:w=-0.02,v=-0.01", "w"),
        ("product:w=-0.02,v=-0.01", "v"),
        ("soft:T=0.6,alpha=0", "T"),
        ("hard:T=0.6", "beta"),
        ("absolute:T=0.6", "T"),
        ("absolute:T=0.09s", "T"),
        ("absolute:T=0.6", "beta"),
    ],
)
def test_the_winner_wins_within_its_range_only(
    reward: str, name: str, tmp_path: Path, serve: Serve, visit: Begin
) -> None:
    with make_run(tmp_path, 40, reward=reward) as record:
        found = record.candidates()
    page = visit().open(serve(tmp_path))
    objective = parse_reward(reward)
    first = winner(found, objective)
    low, high, below, above = page.evaluate(
        """async (name) => {
            const from = (module) => import(`/page/${module}.js`);
            const { winner, ranked } = (await from("model")).model;
            const at = (await from("state")).currentObjective();
            const ends = (await from("sliders")).ends(name);
            const { stableRange } = await from("objective");
            const range = stableRange(winner, ranked, at, name, ends);
            return [range.low, range.high, range.below?.number, range.above?.number];
        }""",
        name,
    )
    field = {"w": "step_time_exponent", "v": "parameters_exponent", "T": "target"}.get(name, name)
    margin = 1e-6 * (high - low)

    def winner_at(value: float) -> int:
        changed = winner(found, replace(objective, **{field: value}))
        assert changed is not None
        return changed.number

    assert first is not None
    for share in (0.001, 0.3, 0.7, 0.999):
        assert winner_at(low + share * (high - low)) == first.number
    assert below is not None or above is not None
    if below is not None:
        assert winner_at(low - margin) == below
    if above is not None:
        assert winner_at(high + margin) == above


def test_filters_do_not_change_who_wins(page: Page, candidates: list[Candidate]) -> None:
    first = winner(candidates, Objective())
    assert first is not None
    page.locator("#search").fill("diverged")
    expect(page.locator("#clear")).to_be_visible()
    expect(page.locator("#winner h2")).to_have_text(f"Winner: candidate {first.number}")
    assert _ranking(page) == _expected(candidates, Objective())


def test_the_runs_metric_stands_where_accuracy_does(
    tmp_path: Path, serve: Serve, visit: Begin
) -> None:
    """On the axis, in the table and its tip, and in a candidate's measurements with an interval."""
    with make_run(tmp_path, 20, metric="macro_f1", minival_images=400) as record:
        first = winner(record.candidates(), Objective())
        assert first is not None
        assert first.accuracy is not None
        again = replace(first, number=20, effective_images=150.0)
        record.start(replace(again, state=State.RUNNING))
        record.finish(again)
    page = visit().open(f"{serve(tmp_path)}#selected=0:20")
    low, high = wilson_interval(first.accuracy, 150)
    measures = page.locator(".measures")
    expect(measures).to_contain_text("macro F1")
    expect(measures).to_contain_text(f"{100 * low:.2f} to {100 * high:.2f}")
    label = "minival macro F1 (%) against training step time, relative to the backbone"
    expect(page.locator("#cloud")).to_have_attribute("aria-label", label)
    expect(page.locator("#ranking")).to_contain_text("macro F1 %")


def test_an_accuracy_has_an_interval(tmp_path: Path, serve: Serve, visit: Begin) -> None:
    with make_run(tmp_path, 20, minival_images=400) as record:
        first = winner(record.candidates(), Objective())
    assert first is not None
    assert first.accuracy is not None
    low, high = wilson_interval(first.accuracy, 400)
    page = visit().open(f"{serve(tmp_path)}#selected=0:{first.number}")
    interval = f"{100 * low:.2f} to {100 * high:.2f}"
    expect(page.locator(".measures")).to_contain_text(interval)
    page.locator("#plot-frame").focus()
    page.keyboard.press("Home")
    expect(page.locator("#tip")).to_contain_text(interval)


def test_an_unsteady_step_time_is_marked(tmp_path: Path, serve: Serve, visit: Begin) -> None:
    reason = "its 15 steps scatter by 9 %"
    with make_run(tmp_path, 20) as record:
        first = made_candidate(small(), 0)
        assert first.step_time is not None
        timed = replace(first.step_time, unsteady=reason)
        add(record, [replace(first, number=20, accuracy=1.0, step_time=timed)])
    page = visit().open(f"{serve(tmp_path)}#selected=0:20&w=0&v=0")
    for part in ("#ranking", ".measures", "#winner"):
        expect(page.locator(f"{part} [title='{reason}']").first).to_contain_text("~")
    page.locator("#plot-frame").focus()
    page.keyboard.press("Home")
    expect(page.locator("#tip")).to_contain_text(f"S/S0 ~{normalized(timed):.3f}")
    expect(page.locator("#tip")).to_contain_text(reason)
    expect(page.locator("#legend")).to_contain_text("unsteady")
    page.locator("[data-view=table]").click()
    expect(page.locator(f"#table [title='{reason}']").first).to_contain_text("~")


def test_an_old_record_has_no_chances(page: Page) -> None:
    expect(page.locator(".wins")).to_contain_text("does not hold the size of the minival")


def test_an_accuracy_of_zero_does_no_harm(tmp_path: Path, serve: Serve, visit: Begin) -> None:
    for reward in ("product", "hard:T=0.5", "absolute:T=0.2,beta=-2"):
        run = tmp_path / reward.partition(":")[0]
        with make_run(run, 2, reward=reward) as record:
            first = made_candidate(small(), 0)
            add(record, [replace(first, number=n, accuracy=0.0) for n in (2, 3)])
            found = record.candidates()
        page = visit().open(serve(run))
        assert _ranking(page) == _expected(found, parse_reward(reward))


def test_a_click_on_a_point_opens_the_candidate(page: Page, candidates: list[Candidate]) -> None:
    fastest = front(candidates)[0]
    click_at(page, fastest)
    panel = page.locator("#candidate")
    expect(panel).to_contain_text(f"candidate {fastest.number}")
    expect(panel).to_contain_text("MBConv")
    expect(panel).to_contain_text(str(fastest.seed))
    expect(panel).to_contain_text(fastest.architecture.architecture_id)


def test_the_keyboard_opens_the_winner(page: Page, candidates: list[Candidate]) -> None:
    winner = best(candidates, Objective())
    assert winner is not None
    page.locator("#plot-frame").focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator("#candidate")).to_contain_text(f"candidate {winner.number}")
    page.keyboard.press("Escape")
    expect(page.locator("#candidate")).to_be_hidden()


def test_two_candidates_stand_side_by_side(page: Page, candidates: list[Candidate]) -> None:
    first, *_, last = front(candidates)
    click_at(page, first)
    expect(page.locator("#candidate")).to_contain_text(f"candidate {first.number}")
    click_at(page, last, modifiers=["Shift"])
    for candidate in (first, last):
        expect(page.locator("#candidate")).to_contain_text(f"candidate {candidate.number}")
    expect(page.locator("body")).to_have_class("comparing")


def test_the_commands_can_read_the_saved_file(
    page: Page, candidates: list[Candidate], tmp_path: Path
) -> None:
    fastest = front(candidates)[0]
    click_at(page, fastest)
    with page.expect_download() as download:
        page.locator("[data-action=save-json]").click()
    assert download.value.suggested_filename == f"candidate-{fastest.number}.json"
    download.value.save_as(tmp_path / "saved.json")
    file = read(tmp_path / "saved.json")
    assert file.architecture == fastest.architecture
    assert file.parameters == fastest.parameters
    assert file.provenance["candidate"] == fastest.number


def test_the_commands_are_copied(made: Path, serve: Serve, visit: Begin) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"]).open(
        f"{serve(made)}#selected=0:0"
    )
    for action, begins in (("copy-scale", "nas scale --from"), ("copy-train", "nas train --arch")):
        page.locator(f"[data-action={action}]").click()
        copied = "navigator.clipboard.readText()"
        page.wait_for_function(f"async (begins) => (await {copied}).startsWith(begins)", arg=begins)
        assert "candidate-0.json" in page.evaluate(copied)


def test_the_table_sorts_filters_and_is_saved(
    page: Page, candidates: list[Candidate], tmp_path: Path
) -> None:
    page.locator("[data-view=table]").click()
    expect(page.locator("#table tbody tr:not(.spacer)").first).to_be_visible()
    with page.expect_download() as download:
        page.locator("[data-action=csv]").click()
    download.value.save_as(tmp_path / "saved.csv")
    lines = (tmp_path / "saved.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 1 + CANDIDATES
    page.locator("#search").fill("diverged")
    diverged = sum(c.cause == "diverged" for c in candidates)
    expect(page.locator("#shown")).to_contain_text(f"{diverged} of {CANDIDATES}")


def test_what_matters_and_progress_are_drawn(page: Page) -> None:
    page.locator("[data-view=matters]").click()
    expect(page.locator("#importances")).to_contain_text("expansion")
    expect(page.locator("#boxes svg").first).to_be_visible()
    page.locator("[data-view=progress]").click()
    expect(page.locator("#best-so-far svg").first).to_be_visible()
    expect(page.locator("#workers")).to_contain_text("worker 1")
    expect(page.locator("#settings")).to_contain_text("digits")


def test_a_wider_space_is_shown_with_all_that_it_chooses(
    tmp_path: Path, serve: Serve, visit: Begin
) -> None:
    with make_run(tmp_path / "run", 60, vertex_efficientnetv2()) as record:
        texts = {str(c.number): stages_text(c.architecture) for c in record.candidates()}
        chosen = next(
            c for c in record.candidates() if c.architecture.stages[0].activation != "silu"
        )
    page = visit().open(f"{serve(tmp_path / 'run')}#selected=0:{chosen.number}")
    cells = page.locator("#candidate table.stages tbody tr:nth-child(2)")
    expect(cells).to_contain_text(", relu")
    expect(cells).to_contain_text(str(chosen.architecture.stages[0].channels))
    page.keyboard.press("Escape")
    page.locator("[data-view=matters]").click()
    expect(page.locator("#importances")).to_contain_text("stage6 activation")
    for kind in ("channels", "se_ratio", "activation"):
        expect(page.locator(f"#box-{kind}-accuracy svg").first).to_be_visible()
    page.locator("[data-view=table]").click()
    with page.expect_download() as download:
        page.locator("[data-action=csv]").click()
    download.value.save_as(tmp_path / "saved.csv")
    with (tmp_path / "saved.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert {row["candidate"]: row["stages"] for row in rows} == texts
    assert sum("-relu" in text and "-se0" in text for text in texts.values()) > 50


def test_the_url_encodes_the_view(made: Path, serve: Serve, visit: Begin) -> None:
    address = serve(made)
    page = visit().open(address)
    slide(page, w=-0.2)
    page.locator("#axis-x").select_option("parameters")
    page.wait_for_function(
        "() => location.hash.includes('w=-0.2') && location.hash.includes('x=param')"
    )
    again = visit().open(page.url)
    assert again.locator("#w").input_value() == "-0.2"
    assert again.locator("#axis-x").input_value() == "parameters"


def test_a_malformed_url_leaves_the_defaults(made: Path, serve: Serve, visit: Begin) -> None:
    page = visit().open(f"{serve(made)}#limit.number=0&population=toString")
    expect(page.locator("#shown")).to_have_text(f"{CANDIDATES} candidates")
    page.locator("[data-view=matters]").click()
    expect(page.locator("#distribution svg").first).to_be_visible()
    assert page.locator("#population").input_value() == "accuracy"


@pytest.mark.parametrize("view", ["plot", "table", "parallel", "matters", "progress"])
def test_every_view_fits_a_phone(made: Path, serve: Serve, visit: Begin, view: str) -> None:
    page = visit(**PHONE).open(serve(made))
    page.locator(f"[data-view={view}]").click()
    expect(page.locator(f"#view-{view}")).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["viewport"]["width"]  # type: ignore[index]


def test_dark_is_dark(made: Path, serve: Serve, visit: Begin) -> None:
    page = visit(color_scheme="dark").open(serve(made))
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in colour.strip("rgb()").split(",")[:3]) < 64


def test_all_scripts_come_at_once_and_the_data_once(made: Path, serve: Serve, visit: Begin) -> None:
    visited = visit()
    visited.open(f"{serve(made)}?token=none")
    paths = [url.rpartition("/")[2] for url in visited.requests]
    assert [path for path in paths if path.endswith(".js")] == [WHOLE]
    assert paths.count("runs") == 1


def test_several_runs_are_shown_together(made: Path, serve: Serve, visit: Begin) -> None:
    page = visit().open(serve(made, made))
    assert page.locator("html").get_attribute("data-drawn") == str(2 * CANDIDATES)
    assert page.locator("#runs li").count() == 2


def test_runs_that_compare_are_set_against_each_other(
    made: Path, tmp_path: Path, serve: Serve, visit: Begin
) -> None:
    make_run(tmp_path / "other", 10, run_id="other").close()
    page = visit().open(serve(made, tmp_path / "other"))
    expect(page.locator("#winner")).to_contain_text("Winner: candidate")
    page.get_by_role("tab", name="Progress").click()
    rows = page.locator("#versus tbody tr")
    expect(rows).to_have_count(2)
    assert [row.locator("td").first.inner_text() for row in rows.all()] == [str(CANDIDATES), "10"]


def test_runs_of_different_data_are_not_ranked_together(
    made: Path, tmp_path: Path, serve: Serve, visit: Begin
) -> None:
    changes: dict[str, Any] = {"data": "photos", "data_fingerprint": "1" * 16}
    make_run(tmp_path / "other", 10, run_id="other", **changes).close()
    page = visit().open(serve(made, tmp_path / "other"))
    expect(page.locator("#winner")).to_contain_text("They differ in data (digits, photos).")
    assert page.locator("#ranking tbody tr").count() == 0
    page.get_by_role("tab", name="Progress").click()
    expect(page.locator("#versus")).to_contain_text("no common ranking")
    page.get_by_label("show other").uncheck()
    expect(page.locator("#winner")).to_contain_text("Winner: candidate")
    assert page.locator("#ranking tbody tr").count() == 10


def test_benched_networks_are_marked(made: Path, serve: Serve, visit: Begin) -> None:
    bench = {
        "name": "efficientnet-b0",
        "accuracy": 0.93,
        "parameters": 50_000,
        "multiply_adds": 10**6,
        "step_time_s": 0.1,
        "images_per_s": 1280.0,
        "inference_time_s": None,
        "peak_memory_bytes": 10**8,
        "device": "Intel(R) Xeon(R) Processor, 1 thread",
        "batch_size": 128,
        "image_size": 32,
    }
    page = visit().open(serve(made, benches=[bench]))
    names = page.evaluate(
        """async () => (await import("/page/cloud.js")).all().map((point) => point.row.name)"""
    )
    assert {"backbone", "efficientnet-b0"} <= set(names)


def _ranking(page: Page) -> list[str]:
    return [button.inner_text() for button in page.locator("#ranking tbody tr button").all()]


def _expected(candidates: list[Candidate], objective: Objective) -> list[str]:
    return [str(candidate.number) for _, candidate in ranked(candidates, objective)[:10]]


def slide(page: Page, **exponents: float) -> None:
    """Move sliders, and wait for the page's update after each."""
    for name, value in exponents.items():
        before = page.evaluate("Number(document.documentElement.dataset.answered ?? 0)")
        page.locator(f"#{name}").fill(str(value))
        page.wait_for_function(
            "(before) => Number(document.documentElement.dataset.answered) > before", arg=before
        )


def click_at(page: Page, candidate: Candidate, **options: Any) -> None:
    """Click on a candidate's point in the plot."""
    row = table([candidate]).iloc[0]
    assert candidate.accuracy is not None
    x, y = page.evaluate(
        """async ([x, y]) => {
            const { toX, toY } = (await import("/page/plot.js")).axesFrame();
            return [toX(x), toY(y)];
        }""",
        [float(row["normalized_step_time"]), 100 * candidate.accuracy],
    )
    page.locator("#plot-frame").click(position={"x": x, "y": y}, **options)
