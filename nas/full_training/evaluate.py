"""The accuracy of a trained network on the test split, which is read here alone."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from nas.data.images import Images, images
from nas.data.load import load_test_data
from nas.errors import UserError
from nas.full_training.checkpoint import TrainedNetwork
from nas.search.evaluator import failure
from nas.training.step import to_channels_last
from reward.step_time.clocks import mixed_precision

FEWEST_CLASSES_FOR_TOP_5 = 6
_Z_95 = 1.959964  # the normal distribution's quantile at 0.975


@dataclass(frozen=True)
class Share:
    """``count`` of ``total``, as a share with its 95 % interval."""

    count: int
    total: int

    @property
    def value(self) -> float:
        """In [0, 1]."""
        return self.count / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """The binomial proportion's 95 % interval by Wilson's score (JASA 22, 1927).

        Unlike the normal approximation it holds near 0 and 1, and stays within them.
        """
        n, p, z = self.total, self.value, _Z_95
        middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class TestResult:
    """What a network came to on a test split. ``top_5`` is None under six classes.

    ``split`` is what the data set calls the split, where that is known.
    """

    top_1: Share
    top_5: Share | None
    images_per_s: float
    image_size: int
    device: str
    unreadable: tuple[str, ...]
    split: str = ""


def evaluate(
    trained: TrainedNetwork, data: str, batch_size: int, device: torch.device
) -> TestResult:
    """The network's accuracy on the test split of ``data``, at the network's evaluation size.

    Raises:
        UserError: no such data, no test split, other classes or channels than the network's, or
            more images at a time than fit into memory.
    """
    size, task = trained.file.eval_size, trained.file.task
    loaded = load_test_data(data, size, trained.class_names)
    channels = int(loaded.test.pixels.shape[1])
    for what, got, own in (
        ("classes", loaded.classes, task.classes),
        ("channels", channels, task.in_channels),
    ):
        if got != own:
            raise UserError(f"--data: got {data!r} with {got} {what}, must have {own}, as trained")
    with _enough_memory(batch_size):
        test = images(loaded.test, device, trained.normalization, task.classes)
        network = to_channels_last(trained.build(), device)
        ranks(network, replace(test, labels=test.labels[:batch_size]), batch_size)  # warm-up
        start = time.perf_counter()
        places = ranks(network, test, batch_size)
        seconds = time.perf_counter() - start
    has_top_5 = task.classes >= FEWEST_CLASSES_FOR_TOP_5
    return TestResult(
        top_1=Share(int((places < 1).sum()), len(test)),
        top_5=Share(int((places < 5).sum()), len(test)) if has_top_5 else None,
        images_per_s=len(test) / seconds,
        image_size=size,
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        unreadable=loaded.unreadable,
        split=loaded.split,
    )


@contextmanager
def _enough_memory(batch_size: int) -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if failure(error)[0] != "out_of_memory":
            raise
        raise UserError(
            f"out of memory in evaluation: --batch-size: got {batch_size}, must be smaller",
            exit_code=1,
        ) from error


@torch.inference_mode()
def ranks(network: nn.Module, test: Images, batch_size: int) -> Tensor:
    """The place, from 0, at which the network puts each image's label, or its best one: (N,)."""
    found = []
    for batch, labels in test.batches(torch.arange(len(test)), batch_size):
        batch = batch.contiguous(memory_format=torch.channels_last)
        with mixed_precision(batch.device):
            logits: Tensor = network(batch)
        places = logits.argsort(1, descending=True)  # (N, classes): class by place
        is_single = labels.ndim == 1
        hit = places == labels[:, None] if is_single else labels.gather(1, places) > 0
        found.append(hit.int().argmax(1))
    return torch.cat(found).cpu()
