"""What ``nas evaluate`` prints by class: figures, and what classes are taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.cli.tables import print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from nas.full_training.evaluate import ClassFigures, TestResult

MOST_CLASSES = 20  # that are listed; of more, those with the lowest figures
_WORST, _LARGEST = 10, 10
_COLUMNS, _LONGEST_NAME = 80, 28


def print_classes(console: Console, result: TestResult) -> None:
    """Print the figures of each class, of many the lowest ones, and the confusions."""
    classes = result.classes
    is_ranked = result.confusion is None
    names: tuple[str, ...]
    heads: tuple[str, ...]
    shown = list(enumerate(classes))
    console.print()
    if len(classes) > MOST_CLASSES:
        known = [each for each in shown if each[1].images and _figure(each[1]) is not None]
        shown = sorted(known, key=lambda each: (_figure(each[1]), each[0]))[:_WORST]
        name = "average precision" if is_ranked else "F1"
        console.print(
            f"the {len(shown)} classes of {len(classes)} with the lowest {name} (all with --json):",
            highlight=False,
        )
    if is_ranked:
        names, heads = ("average_precision", "auroc"), ("average precision %", "AUROC %")
    else:
        names, heads = ("precision", "recall", "f1"), ("precision %", "recall %", "F1 %")
    table = [
        (str(label), _shortened(each.name), f"{each.images:,}", *_percents(each, names))
        for label, each in shown
    ]
    print_table(console, ("label", "class<", "images", *heads), table)
    if result.confusion is not None:
        _print_confusion(console, result.confusion.tolist(), classes)


def _print_confusion(
    console: Console, counts: Sequence[Sequence[int]], classes: Sequence[ClassFigures]
) -> None:
    """Print the whole matrix if it fits the terminal, or the largest confusions."""
    width = max(len(f"{count}") for row in counts for count in row) + 3
    heads = max(len(_shortened(each.name)) for each in classes) + 10
    if len(classes) <= MOST_CLASSES and heads + width * len(classes) <= _COLUMNS:
        console.print(
            "images of each class, by row, taken for each label, by column:", highlight=False
        )
        head = ("label", "class<", *(str(label) for label in range(len(classes))))
        rows = [
            (str(label), _shortened(each.name), *(str(count) if count else "." for count in row))
            for label, (each, row) in enumerate(zip(classes, counts, strict=True))
        ]
        print_table(console, head, rows)
        return
    wrong = sorted(
        (
            (count, i, k)
            for i, row in enumerate(counts)
            for k, count in enumerate(row)
            if count and i != k
        ),
        key=lambda each: (-each[0], each[1:]),
    )
    if not wrong:
        return
    console.print("the largest confusions (all with --json or --plot):", highlight=False)
    rows = [
        (
            str(count),
            f"{100 * count / classes[i].images:.1f}",
            _shortened(classes[i].name),
            _shortened(classes[k].name),
        )
        for count, i, k in wrong[:_LARGEST]
    ]
    print_table(console, ("images", "% of class", "class<", "taken for<"), rows)


def _figure(each: ClassFigures) -> float | None:
    return each.f1 if each.average_precision is None else each.average_precision


def _percents(each: ClassFigures, names: Sequence[str]) -> list[str]:
    shares = (getattr(each, name) for name in names)
    return ["-" if share is None else f"{100 * share:.1f}" for share in shares]


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
