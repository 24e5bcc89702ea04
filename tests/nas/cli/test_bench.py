"""``nas bench``: the table, JSON, CSV and page of what was measured."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nas.bench import prepare
from nas.bench.measure import MeasurementRequest, NetworkMeasurement
from nas.cli.main import nas
from nas.errors import UserError
from reward.step_time.measurement import StepTime
from tests.nas.conftest import Refusal


def _answer(asked: MeasurementRequest) -> NetworkMeasurement:
    """A step of a millisecond a pixel a side; networks of over 120 px do not fit."""
    size = asked.network.image_size
    if size > 120:
        raise UserError("could not be measured: out of memory", exit_code=1)
    batch_size = asked.batch_size or 32
    timed = StepTime(
        samples_s=tuple(size / 1000 * (1 + i / 1000) for i in range(9)),
        reference_samples_s=(size / 2000,) * 9,
        peak_memory_bytes=3 * 10**9,
        device="a clock",
        image_size=size,
        batch_size=batch_size,
        micro_batch_size=4 if size == 100 else None,
        is_precise=size != 50,
    )
    return NetworkMeasurement(timed, 7_000_000, 900_000_000, (0.01, 0.02, 0.03), (0.16, 0.16, 0.16))


@pytest.fixture(autouse=True)
def _measured_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "measure_in_subprocess", _answer)


def _bench(*arguments: object) -> Result:
    return CliRunner().invoke(nas, ["bench", *map(str, arguments)])


def test_a_row_of_json_has_the_contract_s_keys() -> None:
    (row,) = json.loads(_bench("efficientnetv2-s", "--image-size", 64, "--json").stdout)
    assert row["name"] == "efficientnetv2-s"
    assert row["step_time_s"] == pytest.approx(0.064, rel=0.01)
    assert row["images_per_s"] == pytest.approx(32 / row["step_time_s"])
    assert row["normalized_step_time"] == pytest.approx(2, rel=0.01)
    assert row["inference_time_s"] == 0.02
    assert row["inference_images_per_s"] == pytest.approx(200)
    assert (row["device"], row["batch_size"]) == ("a clock", 32)
    low, high = row["step_time_ci_s"]
    assert low < row["step_time_s"] < high


def test_the_table_fits_80_columns_and_says_what_was_odd() -> None:
    text = _bench("efficientnet-b4", "--fuse", "none,1-3", "--image-size", "50,100,200").stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "efficientnet-b4 fused 1-3" in text
    words = " ".join(text.split())
    assert "at 50 px: time was up after 9 steps, before it was precise" in words
    assert "at 100 px: fits into memory 4 images at a time" in words
    assert "at 200 px: could not be measured: out of memory" in words


def test_csv_and_page(tmp_path: Path) -> None:
    table, page = tmp_path / "rows.csv", tmp_path / "rows.html"
    sizes = ("--image-size", "64,96,200")
    result = _bench("efficientnet-b0", *sizes, "--csv", table, "--plot", page, "--json")
    assert result.exit_code == 0
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["image_size_train"] for row in rows] == ["64", "96", "200"]
    assert float(rows[0]["step_time_ci_s_low"]) < float(rows[0]["step_time_s"])
    assert rows[2]["problem"] == "could not be measured: out of memory"
    assert "efficientnet-b0" in page.read_text()


def test_nothing_measured_is_an_error() -> None:
    assert _bench("efficientnet-b0", "--image-size", 200).exit_code == 1


def test_ctrl_c_shows_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(asked: MeasurementRequest) -> NetworkMeasurement:
        if asked.network.image_size == 96:
            raise KeyboardInterrupt
        return _answer(asked)

    monkeypatch.setattr(prepare, "measure_in_subprocess", interrupted)
    result = _bench("efficientnet-b0", "--image-size", "64,96,80", "--json")
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code != 0
    assert [row["image_size"]["train"] for row in json.loads(result.stdout)] == [64]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("efficientnet-b0", "--image-size", "a,8"), "--image-size: got 'a', must be a whole"),
        (("efficientnet-b0", "--batch-size", "1"), "--batch-size: got '1', must be a whole"),
        (("efficientnet-b0", "--plot", "x.png"), "--plot: got x.png, must end in .html"),
        (("efficientnet-b0", "--csv", "/no/where.csv"), "must be in a folder that exists"),
        ((), "Missing argument"),
    ],
)
def test_mistakes_are_one_line(refusal: Refusal, arguments: tuple[str, ...], said: str) -> None:
    assert said in refusal("bench", *arguments)
