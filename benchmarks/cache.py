"""Compare an epoch of images from the cache with decoding the JPEG files in every epoch.

python -m benchmarks.cache                 # 20,000 JPEG files of 96 px read at 64 px: 15 minutes
python -m benchmarks.cache --images 2000   # a tenth of it

All ways yield the same normalised batches in random order on the CPU. Files are decoded by torch's
DataLoader with one worker process per core, and by one thread per core.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from nas.data.cache.directory import in_units
from nas.data.cache.opening import WholeListing, open_cached
from nas.data.decode import Decoding, decode
from nas.data.formats.folder import training_folder
from nas.data.formats.shapes import CLASSES, shapes
from nas.data.images import Images, images
from reward.step_time.clocks import device_name

CPU = torch.device("cpu")
BATCH_SIZE = 128
QUALITY = 90
Batches = Iterator[tuple[Tensor, Tensor]]


class JpegFiles(Dataset[tuple[Tensor, int]]):
    """JPEG files that are decoded at each access; an image's label is the index of its folder."""

    def __init__(self, files: list[Path], size: int) -> None:
        self._files = files
        self._size = size
        names = sorted({file.parent.name for file in files})
        self._labels = [names.index(file.parent.name) for file in files]

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        pixels = decode(self._files[position].read_bytes, self._size, Decoding())
        assert pixels is not None
        return torch.from_numpy(pixels), self._labels[position]


def main() -> None:
    """Print n, the spread and the machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--jpeg-size", type=int, default=96)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    cores = os.cpu_count() or 1
    print(f"{device_name(CPU)} of {cores}, {platform.system()}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NAS_CACHE_DIR"] = str(Path(folder, "cache"))
        root = Path(folder, "shapes")
        _write(root, options.images, options.jpeg_size)
        files = sorted(root.rglob("*.jpg"))
        jpeg_bytes = sum(file.stat().st_size for file in files)
        print(f"{len(files):,} JPEG files of {options.jpeg_size} px, {in_units(jpeg_bytes)}")
        start = time.perf_counter()
        entry = open_cached(str(root), training_folder(root), options.size, WholeListing())
        made_s = time.perf_counter() - start
        print(
            f"cache made once: {made_s:.1f} s, {len(files) / made_s:,.0f} images/s, "
            f"{in_units(entry.pixels.nbytes)} at {options.size} px"
        )
        (split,) = entry.parts()
        kept = images(split, CPU, entry.meta.statistics, CLASSES)
        decoded = JpegFiles(files, options.size)
        ways: dict[str, Callable[[int], Batches]] = {
            "from the cache": partial(_from_cache, kept),
            f"decoded, DataLoader, {cores} processes": partial(_by_loader, decoded, kept, cores),
            f"decoded, {cores} threads": partial(_by_threads, decoded, kept, cores),
        }
        _print_epochs(ways, options.repeats, len(files))


def _print_epochs(ways: dict[str, Callable[[int], Batches]], repeats: int, count: int) -> None:
    """Time one epoch of each way in turn, so that other load on the machine affects all alike."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(repeats):
        for name, way in ways.items():
            start = time.perf_counter()
            seen = sum(len(labels) for _, labels in way(repeat))
            times[name].append(time.perf_counter() - start)
            assert seen == count
    base = times["from the cache"]
    for name, seconds in times.items():
        ratios = sorted(way_s / cached_s for way_s, cached_s in zip(seconds, base, strict=True))
        print(
            f"{name:36} an epoch in {median(seconds):7.2f} s "
            f"({min(seconds):.2f} to {max(seconds):.2f}, n = {repeats}), "
            f"{count / median(seconds):9,.0f} images/s, {median(ratios):6.1f} x the cache's time "
            f"({ratios[0]:.1f} to {ratios[-1]:.1f})"
        )


def _order(count: int, seed: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def _from_cache(kept: Images, seed: int) -> Batches:
    for pixels, labels in kept.batches(_order(len(kept), seed), BATCH_SIZE):
        yield kept.normalised(pixels), labels


def _by_loader(decoded: JpegFiles, kept: Images, workers: int, seed: int) -> Batches:
    order = _order(len(decoded), seed).tolist()
    loader = DataLoader(decoded, BATCH_SIZE, sampler=order, num_workers=workers)
    for pixels, labels in loader:
        yield kept.normalised(pixels), labels


def _by_threads(decoded: JpegFiles, kept: Images, workers: int, seed: int) -> Batches:
    with ThreadPoolExecutor(workers) as pool:
        for part in torch.split(_order(len(decoded), seed), BATCH_SIZE):
            pairs = list(pool.map(decoded.__getitem__, part.tolist()))
            pixels = torch.stack([pixels for pixels, _ in pairs])
            yield kept.normalised(pixels), torch.tensor([label for _, label in pairs])


def _write(root: Path, count: int, size: int) -> None:
    """Write `shapes` as JPEG files, one folder per class."""
    pixels, labels = shapes("train", count, size)
    for label in np.unique(labels):
        (root / f"{label:02}").mkdir(parents=True)

    def write(position: int) -> None:
        image = Image.fromarray(pixels[position].transpose(1, 2, 0))
        image.save(root / f"{labels[position]:02}" / f"{position:06}.jpg", quality=QUALITY)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(write, range(count)))


if __name__ == "__main__":
    main()
