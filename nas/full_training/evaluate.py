"""The accuracy of a trained network on the test split, which nothing else reads, or on another."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from nas.data.given import import_data
from nas.data.images import Images, images
from nas.data.load import load_test_data
from nas.data.split import EvaluationSplit
from nas.errors import UserError
from nas.full_training.checkpoint import TrainedNetwork
from nas.training.validation import Portion, outputs
from results.noise import wilson_interval
from reward.step_time.clocks import device_name, to_channels_last
from reward.step_time.memory_and_latency import is_out_of_memory

FEWEST_CLASSES_FOR_TOP_5 = 6


@dataclass(frozen=True)
class Share:
    """A share: ``count`` of ``total``, with its 95 % interval."""

    count: int
    total: int

    @property
    def value(self) -> float:
        """The share, in [0, 1]."""
        return self.count / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the binomial proportion (:func:`wilson_interval`)."""
        return wilson_interval(self.value, self.total)


@dataclass(frozen=True)
class TestResult:
    """The result of an evaluation on a test split, or with ``is_validation`` a validation split.

    ``top_5`` is None if there are fewer than six classes. ``split`` is the data set's own name of
    the split, empty if it is unknown. ``unreadable`` are the image files that were skipped.
    """

    top_1: Share
    top_5: Share | None
    images_per_s: float
    image_size: int
    device: str
    unreadable: tuple[str, ...]
    split: str = ""
    is_validation: bool = False


def evaluate(
    trained: TrainedNetwork,
    data: str,
    batch_size: int,
    device: torch.device,
    split: EvaluationSplit | None = None,
) -> TestResult:
    """Measure the accuracy on a split of ``data``, at the network's evaluation size.

    None stands for the test split, or without one the validation split.

    Raises:
        UserError: the data are missing, have no such split, or have other classes or channels than
            the network; or a batch does not fit into memory.
    """
    import_data(data)
    size, task = trained.file.eval_size, trained.file.task
    loaded = load_test_data(data, size, trained.class_names, trained.data_options, split)
    channels = int(loaded.test.pixels.shape[1])
    for what, got, expected in (
        ("classes", loaded.classes, task.classes),
        ("channels", channels, task.in_channels),
    ):
        if got != expected:
            raise UserError(
                f"--data: got {data!r} with {got} {what}, must have {expected}, as in training"
            )
    with _enough_memory(batch_size):
        test = images(loaded.test, device, trained.normalization, task.classes)
        network = to_channels_last(trained.build(), device)
        for count in {min(batch_size, len(test)), len(test) % batch_size} - {0}:  # warm-up
            # A GPU chooses and loads its kernels at the first batch of a size: the last one's too.
            ranks(network, replace(test, labels=test.labels[:count]), batch_size)
        start = time.perf_counter()
        label_ranks = ranks(network, test, batch_size)
        seconds = time.perf_counter() - start
    has_top_5 = task.classes >= FEWEST_CLASSES_FOR_TOP_5
    return TestResult(
        top_1=Share(int((label_ranks < 1).sum()), len(test)),
        top_5=Share(int((label_ranks < 5).sum()), len(test)) if has_top_5 else None,
        images_per_s=len(test) / seconds,
        image_size=size,
        device=device_name(device),
        unreadable=loaded.unreadable,
        split=loaded.split,
        is_validation=loaded.is_validation,
    )


@contextmanager
def _enough_memory(batch_size: int) -> Iterator[None]:
    """Turn an error about memory that ran out into one that names --batch-size."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            f"out of memory in evaluation: --batch-size: got {batch_size}, must be smaller",
            exit_code=1,
        ) from error


def ranks(network: nn.Module, test: Images, batch_size: int) -> Tensor:
    """Return the rank (N,), from 0, of each image's label among the logits.

    For an image with several labels, it is the rank of the label with the largest logit.
    """
    found: list[Tensor] = []
    for logits, labels in outputs(network, test, torch.arange(len(test)), Portion(batch_size)):
        order = logits.argsort(1, descending=True)  # (N, classes): the classes by rank
        is_single = labels.ndim == 1
        is_label = order == labels[:, None] if is_single else labels.gather(1, order) > 0
        found.append(is_label.int().argmax(1))
    return torch.cat(found).cpu()
