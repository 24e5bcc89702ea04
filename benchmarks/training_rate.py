"""Compare images per second of the training loop with a plain PyTorch loop and DataLoader.

python -m benchmarks.training_rate [--image-size 32] [--batch-size 128] [--rounds 7]

The plain loop has a Dataset that crops, flips and normalises one image at a time, a DataLoader
(with workers on a GPU), AdamW, and the same mixed precision, memory format and averaged weights as
ours. Both train the same network on the same images, in turn for one epoch each. Time is process
time on one thread of a CPU, or wall time on a GPU.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from benchmarks.cpu_protocol import follow
from nas.data.formats.shapes import shapes
from nas.data.images import Images, images
from nas.data.split import Split, histogram, statistics
from nas.devices import training_device
from nas.training.loop import Training
from nas.training.recipes import Recipe, proxy
from reward.step_time.clocks import device_name, to_channels_last
from search_space.network import Network
from search_space.spaces import small

CLASSES = 12


def main() -> None:
    """Print both rates, their ratio, n, the spread and the machine."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument(
        "--images", type=int, help="number of images (default: 1,024 on a CPU, 16,384 on a GPU)"
    )
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    follow("benchmarks.training_rate")
    device = training_device()
    count = options.images or (16_384 if device.type == "cuda" else 1024)
    split = Split(*shapes("train", count, options.image_size, CLASSES))
    recipe = replace(proxy(options.rounds + 1, options.batch_size), flip=True)
    loops = {"ours": _ours(split, recipe, device), "plain": _plain(split, recipe, device)}
    rates: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(options.rounds + 1):
        for name, epoch in loops.items():
            rates[name].append(_rate(epoch, device))
    print(f"{device_name(device)}; {count} images of {options.image_size} px, {options.batch_size}")
    for name, by_epoch in rates.items():
        print(f"{name}: {_spread(by_epoch[1:])} images/s (n = {options.rounds} epochs)")
    ratios = [a / b for a, b in zip(*(by_epoch[1:] for by_epoch in rates.values()), strict=True)]
    print(f"ratio: {_spread(ratios, 2)} (n = {options.rounds} pairs, without the first)")


def _spread(values: list[float], digits: int = 0) -> str:
    low, middle, high = (f"{f(values):,.{digits}f}" for f in (min, median, max))
    return f"{middle}, {low} to {high}"


Epoch = Callable[[], int]
"""A function that trains for one epoch and returns its number of images."""


def _rate(epoch: Epoch, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
        start = time.perf_counter()
        count = epoch()
        torch.cuda.synchronize()
        return count / (time.perf_counter() - start)
    start = time.process_time()
    return epoch() / (time.process_time() - start)


def _network(image_size: int, device: torch.device) -> nn.Module:
    torch.manual_seed(0)
    network = Network(small(image_size).backbone, CLASSES, dropout=0.0, survival=1.0)
    return to_channels_last(network, device)


def _ours(split: Split, recipe: Recipe, device: torch.device) -> Epoch:
    training = images(split, device, statistics(histogram(split.pixels)), CLASSES)
    one = Images(training.pixels[:1], training.labels[:1], training.mean, training.std, CLASSES)
    network = _network(training.size, device)
    epochs = Training(network, training, one, recipe, seed=0).epochs()
    return lambda: next(epochs).images


class PlainImages(Dataset[tuple[Tensor, int]]):
    """Images that are augmented one at a time, as in most scripts."""

    def __init__(self, split: Split, padding: int) -> None:
        known = statistics(histogram(split.pixels))
        self._mean = torch.tensor(known.mean, dtype=torch.float32).view(-1, 1, 1)
        self._std = torch.tensor(known.std, dtype=torch.float32).view(-1, 1, 1)
        self._split = split
        self._padding = padding

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        pixels, size, p = self._split.pixels[index], self._split.pixels.shape[-1], self._padding
        padded = np.pad(pixels, ((0, 0), (p, p), (p, p)), mode="reflect")
        top, left = random.randint(0, 2 * p), random.randint(0, 2 * p)
        image = torch.from_numpy(padded[:, top : top + size, left : left + size].copy())
        if random.random() < 0.5:
            image = image.flip(2)
        return (image.float() - self._mean) / self._std, int(self._split.labels[index])


def _plain(split: Split, recipe: Recipe, device: torch.device) -> Epoch:
    is_gpu = device.type == "cuda"
    size = split.pixels.shape[-1]
    workers = min(8, os.cpu_count() or 1) if is_gpu else 0
    loader = DataLoader(
        PlainImages(split, round(recipe.crop_padding * size)),
        recipe.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        pin_memory=is_gpu,
        persistent_workers=workers > 0,
    )
    network = _network(size, device)
    averaging = get_ema_multi_avg_fn(0.99)  # type: ignore[no-untyped-call]
    average = AveragedModel(network, multi_avg_fn=averaging, use_buffers=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    loss_function = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)

    def epoch() -> int:
        network.train()
        count = 0
        for batch, labels in loader:
            batch = batch.to(device, non_blocking=True, memory_format=torch.channels_last)
            labels = labels.to(device, non_blocking=True)
            optimizer.zero_grad()
            with torch.autocast(device.type, torch.bfloat16, is_gpu):
                loss = loss_function(network(batch), labels)
            loss.backward()
            optimizer.step()
            average.update_parameters(network)
            count += len(batch)
        return count

    return epoch


if __name__ == "__main__":
    main()
