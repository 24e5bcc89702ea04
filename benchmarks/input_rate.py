"""Images a second that training can be given: read from a memory map by threads, or decoded.

python -m benchmarks.input_rate --photographs FOLDER      # 3 minutes

Files like ImageNet's, of 500 by 375 pixels and 90 kB, are put together from the photographs in the
folder; ImageNet's have 110 kB on average. The photographs of the clothing data set were taken
(github.com/alexeygrigorev/clothing-dataset-small, CC0). The files are decoded by the rules of the
cache, by one process and by one for each core, and read from the pixels of a cache's entry by 1, 2,
and 4 threads. Other work on the machine slows down all of it, so each is done several times, in
turn with the others, and images for a second of processor time are told too: what one core that
does nothing else would give.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

import torch
from PIL import Image

from nas.data.cache.opening import WholeListing, open_cached
from nas.data.decode import Decoding
from nas.data.formats.folder import training_folder
from nas.data.processes import in_processes
from nas.data.read_ahead import AHEAD, gather_from
from nas.data.streaming import EncodedSplit
from nas.machine import available_cores
from reward.step_time.clocks import device_name

CPU = torch.device("cpu")
WIDTH, HEIGHT, TILE, QUALITY = 500, 375, 170, 96
BATCH_SIZE, PIECE = 256, 16
READINGS = 20  # of all images, as one takes a moment


def main() -> None:
    """Print the rates, with n, the spread, and the machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    cores = available_cores()
    print(f"{device_name(CPU)}, {cores} cores, {platform.system()}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NAS_CACHE_DIR"] = str(Path(folder, "cache"))
        root = Path(folder, "mosaics")
        _write_mosaics(root, sorted(options.photographs.rglob("*.jpg")), options.images)
        files = sorted(root.rglob("*.jpg"))
        mean_kb = sum(file.stat().st_size for file in files) / len(files) / 1000
        print(f"{len(files):,} JPEG files of {WIDTH} by {HEIGHT} px, {mean_kb:.0f} kB on average")
        _print_rates(_ways(root, options.size, cores), options.repeats)


def _ways(root: Path, size: int, cores: int) -> dict[str, Callable[[], int]]:
    """Return the ways to get all images by name; each returns how many images it got."""
    source = training_folder(root)
    entry = open_cached(str(root), source, size, WholeListing())
    listing = source.listing()
    assert listing.reader is not None
    empty = entry.pixels[:0]
    split = EncodedSplit(empty, entry.labels, listing.reader, listing.name, Decoding())
    pixels = torch.from_numpy(entry.pixels.copy())  # as in the page cache
    buffers = [torch.zeros(BATCH_SIZE, *pixels.shape[1:], dtype=torch.uint8) for _ in range(AHEAD)]
    return {
        **{
            f"decoded by {count} process{'es' * (count > 1)}": partial(_decoded, split, count)
            for count in sorted({1, cores})
        },
        **{
            f"read by {count} thread{'s' * (count > 1)}": partial(_read, pixels, buffers, count)
            for count in (1, 2, 4)
        },
    }


def _decoded(split: EncodedSplit, processes: int) -> int:
    order = torch.randperm(len(split)).tolist()
    pieces = [order[start : start + PIECE] for start in range(0, len(order), PIECE)]
    return sum(len(piece) for piece in in_processes(split.decoded, pieces, processes))


def _read(pixels: torch.Tensor, buffers: list[torch.Tensor], threads: int) -> int:
    """Gather batches into buffers that are used again, as pinned ones are for a GPU."""
    order = torch.cat([torch.randperm(len(pixels)) for _ in range(READINGS)])
    parts = torch.split(order, BATCH_SIZE)
    gather = gather_from(pixels)

    def read(number: int) -> int:
        part = parts[number]
        gather(part, buffers[number % len(buffers)][: len(part)])
        return len(part)

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(read, range(len(parts))))


def _print_rates(ways: dict[str, Callable[[], int]], repeats: int) -> None:
    rates: dict[str, list[float]] = {name: [] for name in ways}
    of_a_core: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            start, used = time.perf_counter(), _processor_s()
            count = way()
            rates[name].append(count / (time.perf_counter() - start))
            of_a_core[name].append(count / (_processor_s() - used))
    for name in ways:
        print(f"{name:24} {_spread(rates[name])} images/s, {_spread(of_a_core[name])} a core")


def _processor_s() -> float:
    """Return the processor time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def _spread(found: list[float]) -> str:
    return f"{median(found):,.0f} ({min(found):,.0f} to {max(found):,.0f}, n = {len(found)})"


def _write_mosaics(root: Path, photographs: list[Path], count: int) -> None:
    """Write images of several photographs each, in two class folders."""
    generator = random.Random(0)
    for label in "ab":
        (root / label).mkdir(parents=True)
    for number in range(count):
        image = Image.new("RGB", (WIDTH, HEIGHT))
        for left in range(0, WIDTH, TILE):
            for top in range(0, HEIGHT, TILE):
                with Image.open(generator.choice(photographs)) as photograph:
                    tile = photograph.convert("RGB").resize((TILE, TILE))
                image.paste(tile, (left, top))
        image.save(root / "ab"[number % 2] / f"{number:06}.jpg", quality=QUALITY)


if __name__ == "__main__":
    main()
