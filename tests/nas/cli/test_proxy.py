"""What ``nas proxy`` and ``nas search --like`` refuse, each in one line."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

import nas
from nas.api.comparison import ProxyOptions
from nas.cli.main import nas as command_line
from nas.proxy.prepare import ProxyRequest, prepare_proxy
from nas.run_directory import open_run
from nas.search.like import filled
from nas.search.request import SearchRequest
from nas.search.settings import SearchSettings
from tests.nas.conftest import Refusal


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--try", "width=2"), "--try: got 'width=2', must be one or more of epochs=N"),
        (("--try", "epochs=10"), "--try: got 'epochs=10', which is the proxy itself"),
        (
            ("--try", "data=0.5,epochs=5", "--try", "epochs=5,data=0.5"),
            "--try: got 'epochs=5,data=0.5', which is trained already",
        ),
        (("--full-epochs", 10), "--full-epochs: got 10, which is the proxy itself"),
        (
            ("--full-epochs", 5),
            "--full-epochs: got 5 at 8 px, which takes less than",
        ),
        (("--networks", 1), "--networks: got '1', must be a whole number, 4 or more"),
        (("--precision", 1.5), "--precision: got '1.5', must be a number above 0 and at most 1"),
        (("--data-share", 0), "--data-share: got '0', must be a number above 0 and at most 1"),
        (("--image-size", 16), "--full-size: got nothing, must be 16 or more"),
        (("--like", "nowhere"), "--like: got nowhere"),
        (("--max-params", 10), "--max-params 10: no network with so few parameters"),
        (("--space", "smal"), "--space: got 'smal'"),
        (("--resume", "nowhere"), "--resume: got nowhere"),
    ],
)
def test_one_line_that_names_the_option(
    refusal: Refusal, tmp_path: Path, options: tuple[object, ...], message: str
) -> None:
    assert message in refusal("proxy", "--out", tmp_path / "run", *options)
    assert not (tmp_path / "run").exists()


@pytest.fixture
def begun(tmp_path: Path, tiny_data_file: Path) -> Path:
    """A comparison that has begun without a training."""
    search = SearchRequest(data=str(tiny_data_file), budget=4, out=tmp_path / "begun")
    with prepare_proxy(ProxyRequest(search)) as prepared:
        return prepared.run.path


def test_like_keeps_to_networks_of_the_sizes_that_were_compared(
    tmp_path: Path, tiny_data_file: Path
) -> None:
    search = SearchRequest(
        data=str(tiny_data_file), budget=4, max_parameters=100_000, out=tmp_path / "limited"
    )
    with prepare_proxy(ProxyRequest(search)) as prepared:
        path = prepared.run.path
    assert filled(SearchRequest(), path).max_parameters == 100_000
    assert filled(SearchRequest(max_parameters=50_000), path).max_parameters == 50_000


def test_more_networks_are_trained_twice_in_the_same_share(begun: Path) -> None:
    assert prepared_again(begun, None).comparison == prepared_again(begun, 4).comparison
    more = prepared_again(begun, 8)
    assert more.comparison is not None
    assert (more.budget, more.comparison.repeats) == (8, 2)


def prepared_again(run: Path, networks: int | None) -> SearchSettings:
    request = ProxyRequest(SearchRequest(budget=networks, resume=run))
    with prepare_proxy(request) as prepared:
        return prepared.settings


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--full-epochs", 3), "--full-epochs: not allowed together with --resume"),
        (("--try", "size=4"), "--try: not allowed together with --resume"),
        (("--repeats", 3), "--repeats: not allowed together with --resume"),
        (("--epochs", 3), "--epochs: got 3, but"),
        (("--data-share", 0.5), "--data-share: got 0.5, but"),
        (("--like", "other"), "--like: not allowed together with --resume"),
    ],
)
def test_resume_refuses_what_would_make_it_another_comparison(
    refusal: Refusal, begun: Path, options: tuple[object, ...], message: str
) -> None:
    assert message in refusal("proxy", "--resume", begun, *options)


def test_a_search_and_a_comparison_are_resumed_by_their_own_commands(
    refusal: Refusal, begun: Path
) -> None:
    assert "nas proxy --resume" in refusal("search", "--resume", begun)


def test_a_search_is_no_comparison(refusal: Refusal, tmp_path: Path, tiny_data_file: Path) -> None:
    from nas.search.prepare import prepare

    run = tmp_path / "search"
    with prepare(SearchRequest(data=str(tiny_data_file), budget=2, out=run)):
        pass
    assert "a search; go on with: nas search --resume" in refusal("proxy", "--resume", run)


def test_its_results_are_there_as_json(begun: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command_line.main(["results", str(begun), "--json"], standalone_mode=False)
    result = json.loads(capsys.readouterr().out)
    assert result["comparison"]["networks"] == 0
    assert result["comparison"]["proxy"]["tau"] is None


def test_results_refuses_a_comparison_of_another_form(refusal: Refusal, begun: Path) -> None:
    with open_run(begun).reopen_record() as record:
        record.change_settings({**record.settings(), "proxy": 3})
    assert "RUN: proxy: got 3, must hold" in refusal("results", begun, exit_code=1)


def test_the_defaults_are_twenty_networks_and_five_times_the_epochs(
    tmp_path: Path, tiny_data_file: Path
) -> None:
    search = SearchRequest(data=str(tiny_data_file), out=tmp_path / "run")
    with prepare_proxy(ProxyRequest(search)) as prepared:
        settings = prepared.settings
    assert len(settings.starts) == settings.budget == 20
    assert settings.comparison is not None
    assert settings.comparison.repeats == 4
    assert (settings.fidelities["full"].epochs, settings.epochs) == (50, 10)
    assert settings.baseline_trainings == 0


def test_every_option_of_the_command_line_is_there_in_python() -> None:
    command = command_line.commands["proxy"]
    names = {option.lstrip("-").replace("-", "_")
             for parameter in command.params for option in parameter.opts}  # fmt: skip
    here = {*ProxyOptions.__annotations__, *inspect.signature(nas.proxy).parameters}
    # --try is a word of Python's, --import is Python's own, and --json prints.
    assert names - here == {"try", "import", "json"}
    assert here - names == {"quiet", "options", "tries"}
