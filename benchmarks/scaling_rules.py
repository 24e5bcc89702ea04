"""Compare EfficientNetV2's non-uniform scaling with EfficientNet's rule, from one searched network.

python -m benchmarks.scaling_rules --from RUN --data PATH [--image-size 32] [--step 2.5] [--seeds 3]
    [--epochs 12] [--batch-size 64] [--flip] [--out DIR]

The winner of RUN is scaled by each rule to the largest network whose training step, measured in
turn with the winner's, takes at most ``--step`` times as long:

- ``non-uniform``: channels and layers by scaling/non_uniform.py, at the winner's image size;
- ``compound``: channels, layers and image size by 1.1, 1.2 and 1.15 to the power of phi;
- ``compound, one size``: the same channels and layers, at the winner's image size.

Layers and channels are whole, so the steps are only nearly equal; each is printed. The three are
trained on the training set of ``--data`` with the recipe ``proxy``, and tested on its test split
at their image size, once at the end. With ``--out``, each result is a line added to
DIR/scaling.jsonl, and the command, started again, goes on with what is missing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.cpu_protocol import follow, one_line_errors
from benchmarks.real_data import RealData, real_data, searched
from benchmarks.result_lines import ResultLines
from benchmarks.trained_ways import Outcome, Way, summary, train_ways
from nas.bench.measure import MeasurementRequest, SizedArchitecture, measure_in_subprocess
from nas.devices import training_device
from nas.errors import UserError
from nas.training.recipes import proxy
from reward.step_time.clocks import device_name
from reward.step_time.measurement import normalized
from scaling import non_uniform
from scaling.families import Family, OutOfReach, by_compound, closest_under
from scaling.scaled import Base, ImageSizes, Scaled
from search_space.architecture import Architecture
from search_space.task import Task

COEFFICIENTS = (1.2, 1.1, 1.15)  # alpha, beta and gamma of EfficientNet (arXiv 1905.11946, 5.1)
LINES = "scaling.jsonl"
_MOST_PHI = 6.0
_HALVINGS = 6  # of the range of phi, each with a measurement
_CAP_S = 8.0


def main() -> None:
    """Print each training, then accuracy and time by rule, n, the spread and the machine."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--from", dest="run", type=Path, required=True, help="a search or a table")
    parser.add_argument("--data", required=True, help="as of nas search, with a test split")
    parser.add_argument("--image-size", type=int, help="default: that of the search")
    parser.add_argument("--step", type=float, default=2.5, help="training step over the winner's")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--flip", action="store_true", help="mirror half of the images")
    parser.add_argument("--out", type=Path, help="directory of the results, to go on from")
    options = parser.parse_args()
    follow("benchmarks.scaling_rules")
    with one_line_errors():
        Comparison(options).run()


class Comparison:
    """The members that the rules make, and their trainings."""

    def __init__(self, options: argparse.Namespace) -> None:
        found = searched(options.run)
        size = options.image_size or found.settings.image_size
        self._options, device = options, training_device()
        self._data: RealData = real_data(options.data, size, device)
        images = self._data.training
        self._task = Task(images.classes, images.pixels.shape[1])
        sizes = ImageSizes(images.size, images.size)
        self._base = Base("winner", found.winner.architecture, sizes)
        names = ("step", "epochs", "batch_size", "flip")
        header = {
            "data": Path(options.data).name,
            "image_size": images.size,
            "winner": self._base.architecture.to_json(),
            **{name: getattr(options, name) for name in names},
        }
        self._lines = ResultLines(options.out and options.out / LINES, header)
        print(f"{device_name(device)}; {len(images)} images of {images.size} px", flush=True)

    def run(self) -> None:
        """Find each rule's member, and train all with one seed after another."""
        for rule, family in families(self._base).items():
            if not self._lines.find("member", rule=rule):
                self._lines.add("member", {"rule": rule, **self._member(family)})
        members = self._lines.find("member")
        ways = {member["rule"]: self._way(member) for member in members}
        seeds = range(self._options.seeds)
        found = train_ways(ways, self._data.training, self._data.test, seeds, self._lines)
        for member in members:
            print(_summary(member, found[member["rule"]]))

    def _member(self, family: Family) -> dict[str, Any]:
        """Return the largest member whose step takes at most so many times the winner's."""
        steps: dict[tuple[Architecture, int], float] = {}

        def measured(member: Scaled) -> float:
            key = member.architecture, member.sizes.train
            if key not in steps:
                steps[key] = self._step(*key)
            return steps[key]

        target = self._options.step
        try:
            member = closest_under(family, measured, target, _HALVINGS)
        except OutOfReach as error:
            raise UserError(f"--step: got {target:g}, must be {error}") from error
        return {
            "phi": member.place,
            "image_size": member.sizes.train,
            "step": measured(member),
            "architecture": member.architecture.to_json(),
        }

    def _step(self, architecture: Architecture, size: int) -> float:
        base = SizedArchitecture(self._base.architecture, self._base.sizes.train)
        request = MeasurementRequest(
            SizedArchitecture(architecture, size),
            base,
            self._task,
            self._options.batch_size,
            _CAP_S,
        )
        return normalized(measure_in_subprocess(request).step_time)

    def _way(self, member: dict[str, Any]) -> Way:
        options = self._options
        recipe = replace(proxy(options.epochs, options.batch_size), flip=options.flip)
        architecture = Architecture.from_json(member["architecture"])
        return Way(architecture, recipe, member["image_size"])


def families(base: Base) -> dict[str, Family]:
    """Return the family of each rule; all begin with the base itself at phi = 0."""

    def family(member: Callable[[float], Scaled], most: float) -> Family:
        return Family(base, {"base": 0.0, "largest": most}, member)

    def compound(phi: float) -> Scaled:
        return by_compound(base, *COEFFICIENTS, phi)

    def one_size(phi: float) -> Scaled:
        return replace(compound(phi), sizes=base.sizes)

    def grown(phi: float) -> Scaled:
        architecture = non_uniform.grow(base.architecture, phi)
        return Scaled(architecture, base.sizes, "non-uniform", phi, base)

    return {
        "non-uniform": family(grown, float(non_uniform.PHI["XL"])),
        "compound": family(compound, _MOST_PHI),
        "compound, one size": family(one_size, _MOST_PHI),
    }


def _summary(member: dict[str, Any], outcomes: list[Outcome]) -> str:
    return (
        f"{member['rule']} (n = {len(outcomes)} seeds): {summary(outcomes)}, "
        f"step {member['step']:.2f} of the winner's, phi {member['phi']:.2f}, "
        f"{member['image_size']} px"
    )


if __name__ == "__main__":
    main()
