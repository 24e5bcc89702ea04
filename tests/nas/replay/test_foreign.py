"""Tables in CSV that others recorded: what is read, what stands for what lacks, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.foreign_tables import MACRO_OPERATORS, nas_bench_macro, write
from nas.errors import UserError
from nas.replay.foreign import ForeignTable, read_foreign
from nas.replay.replay import Replay
from nas.replay.table import Table, read_table, write_table
from nas.search.samplers.registry import SAMPLERS
from results.ranking import recorded_objective, reward
from reward.complexity import count_parameters
from search_space.task import Task

SPACE = """
name: two
backbone:
  stem_channels: 8
  stem_stride: 1
  head_channels: 32
  stages:
    - {operator: mbconv, kernel: 3, stride: 1, expansion: 1, channels: 8, layers: 1}
    - {operator: mbconv, kernel: 3, stride: 2, expansion: 4, channels: 16, layers: 1}
choices: {operator: [mbconv], kernel: [3, 5], expansion: [1]}
stages:
  - {layers: [0, 1, 2]}
  - {layers: [1], se_ratio: [0, 0.25], expansion: [4], operator: [mbconv, fused_mbconv]}
"""
CHOICES = "stage1.layers,stage1.kernel,stage2.kernel,stage2.se_ratio,stage2.operator"
BACKBONE = "1,3,3,0.25,mbconv"


@pytest.fixture
def space(tmp_path: Path) -> Path:
    path = tmp_path / "space.yaml"
    path.write_text(SPACE)
    return path


def table(space: Path, columns: str, *rows: str, cost: str | None = None) -> Table:
    path = space.with_name("table.csv")
    path.write_text("\n".join([columns, *rows, ""]))
    return read_foreign(path, ForeignTable(str(space), cost))


def test_all_columns_are_read(space: Path) -> None:
    found = table(
        space,
        f"name,{CHOICES},accuracy_1,accuracy_2,step_time_s,parameters",
        f"base,{BACKBONE},0.7,0.8,0.02,1000",
        "other,2.0,5,3,0,fused_mbconv,0.9,0.9,0.04,3000",
    )
    base, other = found.candidates
    assert base.architecture == found.space.backbone
    assert base.accuracy == pytest.approx(0.75)
    objective = recorded_objective(found.settings)
    assert reward(base, objective) == pytest.approx(0.75)
    assert reward(other, objective) == pytest.approx(0.9 * 2**-0.07 * 3**-0.05)
    first, second = other.architecture.stages
    assert (first.layers, first.kernel) == (2, 5)
    assert (second.operator, second.se_ratio) == ("fused_mbconv", 0.0)
    assert found.epochs == 1
    assert len(found.notes) == 2  # no epochs, a mean of two


def test_a_stage_of_no_layers_needs_no_other_values(space: Path) -> None:
    found = table(space, f"{CHOICES},accuracy", "0,,5,0,mbconv,0.5", f"{BACKBONE},0.6")
    assert len(found.candidates[0].architecture.stages) == 1


def test_the_reward_is_of_what_there_is(space: Path) -> None:
    found = table(space, f"{CHOICES},accuracy", f"{BACKBONE},0.5", "2,3,3,0,mbconv,0.7")
    objective = recorded_objective(found.settings)
    assert [reward(each, objective) for each in found.candidates] == pytest.approx([0.5, 0.7])
    assert "no step_time_s and no parameters: the reward is of what there is" in found.notes[0]


def test_a_column_stands_for_the_step_time(space: Path) -> None:
    """Relative to the median where the backbone is no row; numbers beyond any step's are right."""
    rows = ("2,3,3,0,mbconv,0.5,2e8", "2,5,3,0,mbconv,0.5,4e8", "1,5,3,0,mbconv,0.5,6e8")
    found = table(space, f"{CHOICES},accuracy,flops", *rows, cost="flops")
    objective = recorded_objective(found.settings)
    rewards = [reward(each, objective) for each in found.candidates]
    assert rewards == pytest.approx([0.5 * scale**-0.07 for scale in (0.5, 1, 1.5)])
    assert found.notes[0] == "the column flops stands for the step time"
    assert "relative to the median" in " ".join(found.notes)


def test_accuracies_by_epoch_are_a_curve(space: Path) -> None:
    found = table(space, f"{CHOICES},epoch_1,epoch_2", f"{BACKBONE},0.2,0.6", "2,3,3,0,mbconv,0,1")
    assert found.epochs == 2
    assert [point.accuracy for point in found.candidates[0].curve] == [0.2, 0.6]
    assert found.candidates[0].accuracy == 0.6


def test_a_table_of_ours_is_made_of_it(space: Path, tmp_path: Path) -> None:
    found = table(space, f"{CHOICES},accuracy", f"{BACKBONE},0.5", "2,3,3,0,mbconv,0.7")
    write_table(tmp_path / "table.parquet", found)
    again = read_table(tmp_path / "table.parquet")
    assert [(c.architecture, c.accuracy) for c in again.candidates] == [
        (c.architecture, c.accuracy) for c in found.candidates
    ]


@pytest.mark.parametrize(
    ("columns", "row", "message"),
    [
        ("accuracy", "1,3,3,0,mbconv,89.4", "line 2: column accuracy: got '89.4', must be a share"),
        ("accuracy", "1,3,3,0,mbconv,nan", "line 2: column accuracy: got 'nan', must be a share"),
        ("accuracy", "1,4,3,0,mbconv,0.5", "line 2: column stage1.kernel: got '4', must be one of"),
        ("accuracy", "1,,3,0,mbconv,0.5", "line 2: column stage1.kernel: got '', must be one of"),
        ("accuracy", "1,3,3,0,conv,0.5", "column stage2.operator: got 'conv', must be one of mb"),
        ("accuracy", "1,3,3,0,mbconv", "line 2: got 5 values, must be 6, as many as columns"),
        ("accuracy", f"{BACKBONE},1\n{BACKBONE},1", "line 3: got the network of line 2"),
        ("accuracy", "", "got no rows, must have a network in each"),
        ("acuracy", "", "got no column accuracy, must have it, or accuracy_1, ..."),
        ("accuracy,accuracy", "", "line 1: got column 'accuracy' twice, must be once"),
        ("accuracy,step_time_s", f"{BACKBONE},1,0", "column step_time_s: got '0', must be a"),
        ("accuracy,step_time_s", f"{BACKBONE},1,1e9", "column step_time_s: got '1e+09', must be"),
        ("accuracy,parameters", f"{BACKBONE},1,x", "column parameters: got 'x', must be from 1 to"),
    ],
)  # fmt: skip
def test_bad_files(space: Path, columns: str, row: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        table(space, f"{CHOICES},{columns}", row)
    assert message in str(error.value)
    assert f"RUN: {space.with_name('table.csv')}: " in str(error.value)
    assert "\n" not in str(error.value)


def test_a_choice_needs_its_column(space: Path) -> None:
    with pytest.raises(UserError, match=r"got no column stage1.layers, must have it, with one of"):
        table(space, "stage1.kernel,accuracy", "3,0.5")


def test_a_cost_must_be_a_column(space: Path) -> None:
    with pytest.raises(UserError, match=r"--cost: got 'flop', must be a column .* such as flops"):
        table(space, f"{CHOICES},accuracy,flops", f"{BACKBONE},1,1", cost="flop")


@pytest.fixture(scope="module")
def macro(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """Six networks of NAS-Bench-Macro, as published."""
    published = {
        "02012100": (0.8947, 890666, 47327744),
        "11111221": (0.9218, 2181386, 65012224),
        "00011110": (0.8537, 1118378, 31390208),
        "22222222": (0.93, 3277738, 10**8),
        "00000000": (0.6, 400000, 10**7),
        "11111111": (0.91, 2000000, 5 * 10**7),
    }
    folder = tmp_path_factory.mktemp("macro")
    found = {
        network: {"test_acc": [100 * accuracy] * 3, "params": parameters, "flops": flops}
        for network, (accuracy, parameters, flops) in published.items()
    }
    (folder / "macro.json").write_text(json.dumps(found))
    path, space = write(folder, *nas_bench_macro(folder / "macro.json"))
    return read_foreign(path, ForeignTable(str(space), "multiply_adds"))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_operators_of_ones_own_count(macro: Table, place: int) -> None:
    """Golden: NAS-Bench-Macro's published parameters, to the unit."""
    candidate = macro.candidates[place]
    assert count_parameters(candidate.architecture, Task(10)) == candidate.parameters
    assert len(MACRO_OPERATORS) ** 8 == macro.space.size == 6561


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_searches_it(macro: Table, sampler: str) -> None:
    trace = Replay(macro, recorded_objective(macro.settings)).run(sampler, 0, 6)
    assert trace.epochs == (1, 2, 3, 4, 5, 6)
    assert trace.best[-1] == max(
        reward(each, recorded_objective(macro.settings)) or 0.0 for each in macro.candidates
    )
