"""The map of step times from a run's device to this one: exact figures, errors, and mistakes."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nas.bench import prepare
from nas.bench.calibrate import FEWEST_NETWORKS
from nas.bench.measure import MeasurementRequest, NetworkMeasurement
from nas.bench.step_time_map import StepTimeMap, fit_map, left_out_errors, spread_out
from nas.cli.main import nas
from nas.errors import UserError
from nas.run_directory import create_run
from results.candidate import Candidate, State
from reward.step_time.measurement import StepTime
from search_space.space_file import write_space
from search_space.spaces import small

TRUE = StepTimeMap(0.8, 0.1)
S0 = 0.02  # seconds, here


def made_run(path: Path, count: int, **settings: Any) -> Path:
    """Make a run of ``count`` networks; their accuracy rises with S/S0, from 0.3 to about 2."""
    space, chance = small(), random.Random(0)
    networks = {a.architecture_id: a for a in (space.sample(chance) for _ in range(4 * count))}
    candidates = [
        Candidate(
            number=number,
            state=State.COMPLETE,
            architecture=architecture,
            seed=number,
            accuracy=0.5 + 0.001 * number,
            parameters=1000,
            reference_parameters=1000,
            step_time=StepTime((s, s), (1.0, 1.0), 1000, "a Xeon", 24, 48),
        )
        for number, architecture in enumerate(list(networks.values())[:count])
        for s in (0.3 * 1.1**number,)
    ]
    run = create_run(path, None)
    basics = {"space": write_space(space), "classes": 4, "in_channels": 3, "reward": "product"}
    with run.create_record({**basics, **settings}) as record:
        record.add(candidates)
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return made_run(tmp_path / "run", 20)


class Device:
    """A device whose step times follow from those of the run by an exact map."""

    def __init__(self) -> None:
        self.asked: list[MeasurementRequest] = []
        self.failing: set[int] = set()

    def __call__(self, asked: MeasurementRequest) -> NetworkMeasurement:
        self.asked.append(asked)
        if len(self.asked) in self.failing:
            raise UserError("could not be measured: out of memory", exit_code=1)
        space, chance = small(), random.Random(0)
        networks = {a.architecture_id: a for a in (space.sample(chance) for _ in range(400))}
        number = list(networks).index(asked.network.architecture.architecture_id)
        step_s = S0 * TRUE(0.3 * 1.1**number)
        timed = StepTime((step_s,) * 6, (S0,) * 6, 1000, "a GPU", 24, 48, is_precise=True)
        return NetworkMeasurement(timed, 1000, 1000, (0.01,), (0.1,))


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    device = Device()
    monkeypatch.setattr(prepare, "measure_in_subprocess", device)
    return device


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(nas, ["bench", *map(str, arguments)])


def test_a_map_of_many_networks_is_that_of_the_devices() -> None:
    pairs = [(s, TRUE(s)) for s in (0.01, 0.1, 1.0, 10.0, 100.0)]
    fitted = fit_map(pairs)
    assert fitted.slope == pytest.approx(0.8, abs=0.01)
    assert fitted(1.0) == pytest.approx(math.exp(0.1), rel=0.01)


def test_a_slope_that_is_not_known_is_1() -> None:
    assert fit_map([(1.0, 1.2), (1.0, 1.5)]).slope == pytest.approx(1.0)
    assert fit_map([(1.0, 2.0), (1.0, 2.0)])(3.0) == pytest.approx(6.0)


def test_an_error_is_by_the_map_of_the_others() -> None:
    pairs = [(0.5, 0.5), (1.0, 1.0), (2.0, 2.0), (4.0, 5.0)]
    errors = left_out_errors(pairs)
    assert errors[-1] == pytest.approx(4.0 / 5.0 - 1)
    assert all(error > 0 for error in errors[1:-1])


def test_networks_are_spread_over_the_logarithm_of_step_time() -> None:
    assert spread_out([1.0, 2.0, 4.0, 8.0, 16.0, 3.9, 1.1], 3) == [0, 2, 4]
    assert sorted(spread_out([1.0, 2.0], 7)) == [0, 1]
    assert sorted(spread_out([1.0] * 4, 4)) == [0, 1, 2, 3]


def test_the_run_is_ranked_for_this_device(run: Path, device: Device) -> None:
    done = bench("--calibrate", run, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["device"], found["run_device"]) == ("a GPU", "a Xeon")
    assert found["reference_step_time_s"] == S0
    assert len(found["networks"]) == len(device.asked) == found["error"]["networks"] == 7
    assert {0, 19} <= {network["number"] for network in found["networks"]}
    assert found["map"]["slope"] == pytest.approx(0.8, abs=0.1)
    assert 0 < found["error"]["median"] <= found["error"]["largest"] < 0.1
    assert [c["rank"] for c in found["candidates"]] == list(range(1, 21))
    for each in found["candidates"]:
        s = TRUE(0.3 * 1.1 ** each["number"])
        tolerance = 1e-9 if each["is_measured"] else 0.1
        assert each["normalized_step_time"] == pytest.approx(s, rel=tolerance)
        assert each["step_time_s"] == pytest.approx(S0 * each["normalized_step_time"])
        reward = each["accuracy"] * each["normalized_step_time"] ** -0.07
        assert each["reward"] == pytest.approx(reward)
    (asked, *_) = device.asked
    assert (asked.network.image_size, asked.batch_size) == (24, 48)
    assert asked.reference.architecture == small().backbone


def test_the_order_may_change(tmp_path: Path, device: Device) -> None:
    """Here larger networks cost less than they did there: slower and more accurate ones rise."""
    run = made_run(tmp_path / "run", 20, reward="soft:T=1,alpha=-0.02,beta=-0.02")
    found = json.loads(bench("--calibrate", run, "--json").stdout)
    assert [c["number"] for c in found["candidates"]] != sorted(
        (c["number"] for c in found["candidates"]),
        key=lambda number: next(
            c["run_rank"] for c in found["candidates"] if c["number"] == number
        ),
    )


def test_a_target_in_seconds_is_one_of_this_device(tmp_path: Path, device: Device) -> None:
    run = made_run(tmp_path / "run", 20, reward="hard:T=0.02s")
    found = json.loads(bench("--calibrate", run, "--json").stdout)
    best = found["candidates"][0]
    assert best["step_time_s"] == pytest.approx(0.02, rel=0.15)
    assert best["run_rank"] > 1


def test_named_candidates_are_measured(run: Path, device: Device) -> None:
    archs = [f"{run}#{number}" for number in (1, 3, 5, 7, 9)]
    found = json.loads(bench("--calibrate", run, *archs, "--json").stdout)
    assert [network["number"] for network in found["networks"]] == [1, 3, 5, 7, 9]


def test_the_table_fits_80_columns(run: Path, device: Device) -> None:
    done = bench("--calibrate", run)
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(done.stdout.split())
    assert "10 more with --json. From a Xeon to a GPU: log S/S0 = 0." in text
    assert "each network left out in turn: median" in text
    assert "(n = 7)" in text


def test_networks_that_cannot_be_measured_are_left_out(run: Path, device: Device) -> None:
    device.failing = {2}
    found = bench("--calibrate", run, "--json")
    assert len(json.loads(found.stdout)["networks"]) == 6
    assert "could not be measured: out of memory" in found.stderr
    device.asked.clear()
    device.failing = {1, 2, 3}
    failed = bench("--calibrate", run)
    assert failed.exit_code == 1


def test_mistakes_are_one_line(run: Path, tmp_path: Path, device: Device, refusal: Any) -> None:
    few = made_run(tmp_path / "few", FEWEST_NETWORKS - 1)
    fit = made_run(tmp_path / "fit", 9, fit={"name": "b0"})
    for arguments, said in {
        ("--calibrate", tmp_path / "no"): "--calibrate: got",
        ("--calibrate", few): "which has 4 complete candidates with a step time, must have 5",
        ("--calibrate", fit): "is a run of nas scale --fit, must be one of nas search",
        ("--calibrate", run, "efficientnet-b0"): "ARCH: got efficientnet-b0, which is no complete",
        ("--calibrate", run, f"{run}#1", f"{run}#2"): "ARCH: got 2 different networks, must be 5",
        ("--calibrate", run, "--networks", 4): "--networks: got '4', must be a whole number, 5",
        ("--calibrate", run, f"{run}#1", "--networks", 5): "--networks: not allowed together with",
        ("--calibrate", run, "--batch-size", 8): "--batch-size: not allowed together with --cal",
        ("--networks", 6): "--networks: only allowed together with --calibrate",
        (): "Missing argument 'ARCH...'",
    }.items():
        assert said in refusal("bench", *arguments)
    assert not device.asked


def test_a_run_without_step_times_is_refused(tmp_path: Path, refusal: Any) -> None:
    run = create_run(tmp_path / "run", None)
    space = small()
    basics = {"space": write_space(space), "classes": 4, "in_channels": 3}
    with run.create_record(basics) as record:
        candidate = Candidate(0, State.COMPLETE, space.backbone, 0, accuracy=0.5)
        record.add([replace(candidate, number=number) for number in range(9)])
    said = refusal("bench", "--calibrate", run.path)
    assert "has 0 complete candidates with a step time, must have 5 or more" in said
