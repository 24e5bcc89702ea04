"""What each part of the reward and of the space buys, by replay of a recorded table.

python -m benchmarks.parts [TABLE] [--sizes 50,100,200] [--halves 400] [--searches 50]
    [--deviation 0.012] [--held-out]

Simulated searches draw networks of the table at random, and each form of the reward chooses one of
them. Printed are the true accuracy, the measured step time, and the parameters of what they choose,
and the true reward, by the paper's form, that is lost against the best network drawn. Nothing is
trained; it takes a minute.

No network is judged by the noisy accuracy by which it was chosen: true accuracies are drawn, as
``benchmarks/true_accuracy.py`` explains, and each search sees them with new noise. ``--deviation``
sets that noise. With ``--held-out``, networks are instead chosen by the recorded accuracy and
judged by what the other nine tenths of the table predict for them. The true step time is the
recorded one; its error is about 1 %, which changes the reward by 0.07 %.

Brackets hold the 95 % interval of a mean over searches, given that the table is a finite sample of
its space: the means in random halves of the table, each half with true accuracies of its own. A
half's mean differs from the table's as much as the table's differs from the space's (the jackknife
that deletes half of the sample; Shao and Wu, 1989). ``one search`` is what 95 % of single searches
get.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.true_accuracy import (
    MULTIPLY_ADDS,
    PARAMETERS,
    STEP_TIME,
    Floats,
    Form,
    HeldOut,
    Networks,
    Places,
    TrueAccuracies,
)
from nas.replay.table import Table, find_table
from reward.step_time.measurement import reference_median_s

TABLE = Path(__file__).parent / "small_on_cifar10_32px.parquet"
SMALL_DRAW = 15  # networks that are drawn from a part of the table

JUDGE = Form("the reward of the paper")
COSTS = (
    Form("S measured"),
    Form("S = multiply-adds", cost=MULTIPLY_ADDS),
    Form("S = parameters", cost=PARAMETERS),
    Form("S left out", "product:w=0"),
)
CURVES = tuple(
    Form(f"w {w}, S = {cost}", f"product:w={w}", cost)
    for w in (-0.07, -0.03, -0.15)
    for cost in (STEP_TIME, MULTIPLY_ADDS, PARAMETERS)
)
EXPONENTS = (
    Form("w -0.07, v -0.05 (paper)"),
    Form("w 0, v 0 (accuracy alone)", "product:w=0,v=0"),
    Form("w 0, v -0.05", "product:w=0"),
    Form("w -0.03, v -0.05", "product:w=-0.03"),
    Form("w -0.15, v -0.05", "product:w=-0.15"),
    Form("w -0.3, v -0.05", "product:w=-0.3"),
    Form("soft:T=1 (w -0.07, v 0)", "soft:T=1"),
    Form("hard:T=1", "hard:T=1"),
    Form("hard:T=0.75", "hard:T=0.75"),
    Form("absolute:T=1", "absolute:T=1"),
)
OPERATORS = {
    "all": ".*",
    "no Fused-MBConv": "M+",
    "Fused-MBConv only": "F+",
    "both operators": ".*(FM|MF).*",
}
ORDERS = {"Fused, then MBConv": "F+M+", "MBConv, then Fused": "M+F+"}
"""Parts of the space, by the operators of a network's stages, as in ``FFM``."""


def main() -> None:
    """Print what is known of the noise, then a block for each question and number of networks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", nargs="?", type=Path, default=TABLE)
    parser.add_argument("--sizes", default="50,100,200", help="networks that a search draws")
    parser.add_argument("--halves", type=int, default=400, metavar="N")
    parser.add_argument("--searches", type=int, default=50, metavar="N", help="in each half")
    parser.add_argument("--deviation", type=float, help="of the accuracy of one training")
    parser.add_argument(
        "--held-out", action="store_true", help="judge by predictions from other networks"
    )
    options = parser.parse_args()
    table = find_table(options.table)
    networks = Networks.of(table)
    kind = HeldOut if options.held_out else TrueAccuracies
    true = kind(networks.features, networks.accuracies, options.deviation)
    print_table(options.table.name, table, true)
    every = np.arange(len(networks.outcomes))
    sizes = [int(size) for size in options.sizes.split(",")]
    for size in sizes:
        if size > len(every) // 2:
            print(f"\nsearches of {size}: more than half of the table")
            continue
        plan = Plan(size, options.halves, options.searches)
        for forms in (COSTS, EXPONENTS, *([CURVES] if size == sizes[len(sizes) // 2] else [])):
            found = simulate(networks, true, forms, every, plan)
            print_block(plan, [form.name for form in forms], found)
            if forms is COSTS:
                print_traits(networks, found[0])
    plan = Plan(SMALL_DRAW, options.halves, options.searches)
    for patterns in (OPERATORS, ORDERS):
        parts = pools(networks, patterns)
        found = [simulate(networks, true, [JUDGE], pool, plan)[0] for pool in parts.values()]
        if parts:
            print_block(plan, [f"{name} (n = {len(pool)})" for name, pool in parts.items()], found)


def pools(networks: Networks, patterns: Mapping[str, str]) -> dict[str, Places]:
    """Return the places of the networks of each part of the space that holds enough of them."""
    places = {
        name: [i for i, text in enumerate(networks.operators) if re.fullmatch(pattern, text)]
        for name, pattern in patterns.items()
    }
    return {name: np.array(each) for name, each in places.items() if len(each) >= 2 * SMALL_DRAW}


@dataclass(frozen=True)
class Plan:
    """How many searches to simulate: of ``size`` networks, ``searches`` in each of ``halves``."""

    size: int
    halves: int
    searches: int


@dataclass(frozen=True)
class Found:
    """The networks that one form chose, (halves, searches) each.

    ``accuracy`` is the true one and ``seen`` the one by which it was chosen. ``reward`` is the true
    one by the paper's form, and ``best`` the best true one among the networks drawn. ``place`` is
    the network's in the table.
    """

    accuracy: Floats
    seen: Floats
    step_time: Floats
    size: Floats
    reward: Floats
    best: Floats
    place: Places


def simulate(
    networks: Networks, true: TrueAccuracies, forms: Sequence[Form], pool: Places, plan: Plan
) -> list[Found]:
    """Search among the networks at the places of the pool; return what each form chose.

    All forms choose among the same draws, and all pools have the same true accuracies.
    """
    lines, judge = [networks.line(form) for form in forms], networks.line(JUDGE)
    rows: list[list[Sequence[NDArray[Any]]]] = [[] for _ in forms]
    for seed in range(plan.halves):
        generator = np.random.default_rng(seed)
        accuracies = true.draw(generator)
        rewards = judge(accuracies)
        half = generator.permutation(pool)[: len(pool) // 2]
        order = generator.random((plan.searches, len(half))).argsort(axis=1)
        drawn = half[order[:, : plan.size]]  # (searches, size)
        seen = true.seen(accuracies, plan.searches, generator)
        for line, row in zip(lines, rows, strict=True):
            place = np.take_along_axis(line(seen), drawn, axis=1).argmax(axis=1)
            chosen = drawn[np.arange(plan.searches), place]
            row.append((
                accuracies[chosen],
                seen[np.arange(plan.searches), chosen],
                networks.costs[STEP_TIME][chosen],
                networks.costs[PARAMETERS][chosen],
                rewards[chosen],
                rewards[drawn].max(axis=1),
                chosen,
            ))  # fmt: skip
    columns = [[np.array(column) for column in zip(*row, strict=True)] for row in rows]
    return [Found(*each) for each in columns]


def print_table(name: str, table: Table, true: TrueAccuracies) -> None:
    """Print what the table holds, and how exactly the true accuracies are known."""
    timed = table.candidates[0].step_time
    assert timed is not None
    error, stated = true.check()
    print(
        f"{name}: {len(table.candidates)} networks, {table.epochs} epochs, step times of "
        f"{timed.device}, the backbone's {1000 * reference_median_s(timed):.1f} ms. The noise of "
        f"one accuracy is taken as {100 * true.deviation:.2f} points. Accuracies of networks not "
        f"seen are predicted with an error of {100 * error:.2f} points, stated {100 * stated:.2f}."
    )
    sampler = table.settings.get("sampler", "random")
    if sampler != "random":
        print(
            f"The networks were proposed by {sampler}, not drawn at random: the figures hold among "
            "them, not for their space."
        )


def print_block(plan: Plan, names: Sequence[str], found: Sequence[Found]) -> None:
    """Print what each form or pool found, and how it differs from the first one."""
    print(
        f"\nsearches of {plan.size} networks, n = {plan.halves} halves of the table x "
        f"{plan.searches} searches; second lines: against {names[0]}"
    )
    first = found[0]
    for name, each in zip(names, found, strict=True):
        low, high = np.quantile(each.step_time, (0.025, 0.975))
        lift = 100 * (each.seen - each.accuracy).mean()
        print(
            f"{name:30} accuracy {_text(100 * each.accuracy)} % (seemed {lift:.2f} points higher), "
            f"S/S0 {_text(each.step_time)}, one search {low:.2f} to {high:.2f}, P/P0 "
            f"{_text(each.size)}, reward lost {_text(100 * (1 - each.reward / each.best))} %",
            flush=True,
        )
        if each is not first:
            print(
                f"{'':30} accuracy {_text(100 * (each.accuracy - first.accuracy), '+.2f')} points, "
                f"step time x {_ratio(each.step_time, first.step_time)}, parameters x "
                f"{_ratio(each.size, first.size)}, reward x {_ratio(each.reward, first.reward, 3)}"
            )


def print_traits(networks: Networks, found: Found) -> None:
    """Print what the chosen networks look like, beside the mean of the table."""
    print("\nthe chosen of the first line, and the table's mean")
    for name, values in networks.traits.items():
        print(f"{name:30} {_text(values[found.place])}, {values.mean():.2f}")


def _text(values: Floats, form: str = ".2f") -> str:
    """Return the mean over the searches, and the 95 % interval that the table leaves."""
    low, high = np.quantile(values.mean(axis=1), (0.025, 0.975))
    return f"{values.mean():{form}} ({low:{form}} to {high:{form}})"


def _ratio(values: Floats, first: Floats, digits: int = 2) -> str:
    """Return the ratio of two means over the searches, and its interval likewise."""
    low, high = np.quantile(values.mean(axis=1) / first.mean(axis=1), (0.025, 0.975))
    return f"{values.mean() / first.mean():.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


if __name__ == "__main__":
    main()
