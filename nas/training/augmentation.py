"""Augmentation of whole batches on the training device."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.distributions import Beta

from nas.data.images import Images, resized
from nas.training.recipes import Recipe, TrainingStage


def augmented(
    images: Tensor,
    labels: Tensor,
    training: Images,
    recipe: Recipe,
    stage: TrainingStage,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """A normalised batch of ``training`` as it is trained on: at the stage's size, channels last.

    Where images are mixed, labels (N,) become targets (N, classes). The shifts of crops are the
    generator's; all else is drawn from torch's global one of the device.
    """
    if recipe.crop_area < 1:
        images = resized_crop(images, stage.image_size, recipe.crop_area)
    else:
        images = resized(images, stage.image_size)
    images = random_crop(images, round(recipe.crop_padding * stage.image_size), generator)
    if recipe.flip:
        images = random_flip(images)
    if stage.randaugment_magnitude > 0:
        pixels = images * (training.std / 255) + training.mean / 255
        pixels = randaugment(pixels.clamp_(0, 1), stage.randaugment_magnitude)
        images = (pixels - training.mean / 255) / (training.std / 255)
    images = cutout(images, recipe.cutout)
    if stage.mixup_alpha > 0:
        images, labels = mixup(images, labels, stage.mixup_alpha, training.classes)
    return images.contiguous(memory_format=torch.channels_last), labels


def random_crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Each image of (N, C, H, W) shifted by up to ``padding`` pixels, its border mirrored in."""
    if padding == 0:
        return images
    n, _, height, width = images.shape
    padded = nn.functional.pad(images, (padding,) * 4, mode="reflect")
    shifts = torch.randint(0, 2 * padding + 1, (2, n, 1), generator=generator).to(images.device)
    rows = shifts[0] + torch.arange(height, device=images.device)  # (N, H)
    columns = shifts[1] + torch.arange(width, device=images.device)  # (N, W)
    batch = torch.arange(n, device=images.device)[:, None, None]
    # Indexing puts the indexed axes first: (N, H, W, C).
    cropped = padded[batch, :, rows[:, :, None], columns[:, None, :]]
    return cropped.permute(0, 3, 1, 2)


def random_flip(images: Tensor) -> Tensor:
    """Each image of (N, C, H, W) mirrored left to right, or not."""
    is_flipped = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return torch.where(is_flipped, images.flip(3), images)


def cutout(images: Tensor, share: float) -> Tensor:
    """Each image of (N, C, H, W) with a square set to 0, the mean (arXiv 1708.04552).

    Its side is that ``share`` of the image's; its centre is anywhere, so part may lie outside.
    """
    if share == 0:
        return images
    n, _, height, width = images.shape
    covered = [
        _covered(n, size, share, images.device).view(n, 1, *shape)
        for size, shape in ((height, (height, 1)), (width, (1, width)))
    ]
    return images.masked_fill(covered[0] & covered[1], 0.0)


def _covered(n: int, size: int, share: float, device: torch.device) -> Tensor:
    """Which of ``size`` pixels a random interval covers, (N, size)."""
    centres = torch.rand(n, 1, device=device) * size
    pixels = torch.arange(size, device=device) + 0.5
    return (pixels - centres).abs() < share * size / 2


def mixup(images: Tensor, labels: Tensor, alpha: float, classes: int) -> tuple[Tensor, Tensor]:
    """Each image of a batch (N, C, H, W) blended with the one as far from the batch's other end.

    The own share is drawn for each image from Beta(alpha, alpha), the larger side of it, as in the
    published code (arXiv 1710.09412). Returns the images and targets (N, classes), blended alike,
    from ``labels`` (N,) or targets (N, classes).
    """
    strength = torch.tensor(alpha, device=images.device)
    share = Beta(strength, strength).sample((len(images),))
    share = torch.maximum(share, 1 - share)
    targets = labels
    if labels.ndim == 1:
        targets = nn.functional.one_hot(labels, classes).to(images.dtype)
    weight = share.view(-1, 1, 1, 1)
    return (
        images * weight + images.flip(0) * (1 - weight),
        targets * share[:, None] + targets.flip(0) * (1 - share[:, None]),
    )


if TYPE_CHECKING:
    from kornia.augmentation.auto import RandAugment


OPERATIONS = 2  # one after the other; EfficientNetV2's published code


LARGEST_MAGNITUDE = 29.99  # kornia takes less than 30


POLICIES_A_BATCH = 16


# By kornia's names, what each reaches at magnitudes 0 and 30. Rotations, shears, shifts and colours
# are as strong as in EfficientNetV2's published code at the same magnitude, where 10 is a rotation
# by 30 degrees, a shear by 0.3, a shift by 100 of some 300 pixels and a factor of 1.9. Kornia's
# contrast multiplies all of an image, so it and brightness stay where the image can be seen. That
# code posterizes and solarizes less at larger magnitudes; here kornia's own ranges hold.
_POLICY: list[list[tuple[str, float, float]]] = [
    [("auto_contrast", 0, 1)],
    [("equalize", 0, 1)],
    [("invert", 0, 1)],
    [("rotate", -90, 90)],
    [("posterize", 4, 8)],
    [("solarize", 0, 1)],
    [("solarize_add", 0, 0.5)],
    [("color", 0.1, 5.5)],
    [("sharpness", 0.1, 5.5)],
    [("contrast", 0.8, 2)],
    [("brightness", 0.8, 2)],
    [("shear_x", -0.27, 0.27)],
    [("shear_y", -0.27, 0.27)],
    [("translate_x", -1, 1)],
    [("translate_y", -1, 1)],
]


def randaugment(images: Tensor, magnitude: float) -> Tensor:
    """Images (N, C, H, W) from 0 to 1, distorted by two random operations (arXiv 1909.13719).

    Kornia draws the operations once for all images of a call and their signs for each. A call for
    every image takes 3.7 ms (32 px, one core), 28 times a whole batch's time for each image; so a
    batch is divided into up to 16 parts, which cost 4 times as much as one.
    """
    policy = _policy(min(magnitude, LARGEST_MAGNITUDE), images.shape[1])
    parts = images.split(-(-len(images) // POLICIES_A_BATCH))  # type: ignore[no-untyped-call]
    return torch.cat([policy(part) for part in parts]).clamp_(0, 1)


@cache
def _policy(magnitude: float, channels: int) -> RandAugment:
    from kornia.augmentation.auto import RandAugment  # 1.2 s, which few trainings need

    policy = [step for step in _POLICY if channels == 3 or step[0][0] != "color"]
    return RandAugment(OPERATIONS, magnitude, policy, transformation_matrix_mode="skip")  # type: ignore[arg-type]


ASPECTS = (3 / 4, 4 / 3)


def resized_crop(images: Tensor, size: int, least_area: float) -> Tensor:
    """A random part of each image of (N, C, H, W), at ``size`` by ``size`` pixels.

    The part has ``least_area`` to 1 of the image's area and an aspect from 3:4 to 4:3, and lies
    within the image (arXiv 1409.4842, section 6). Images much larger than ``size`` are shrunk
    first, with antialiasing, since the crop itself samples between four pixels.
    """
    if images.shape[-1] > 2 * size:
        images = resized(images, 2 * size)
    n, device = len(images), images.device
    area = torch.empty(n, device=device).uniform_(least_area, 1)
    aspect = torch.empty(n, device=device).uniform_(*(math.log(a) for a in ASPECTS)).exp()
    width, height = ((area * ratio).sqrt().clamp(max=1) for ratio in (aspect, 1 / aspect))
    # In affine_grid's coordinates an image runs from -1 to 1.
    x, y = ((2 * torch.rand(n, device=device) - 1) * (1 - side) for side in (width, height))
    zero = torch.zeros(n, device=device)
    rows = (torch.stack([width, zero, x], 1), torch.stack([zero, height, y], 1))
    grid = nn.functional.affine_grid(
        torch.stack(rows, 1), [n, images.shape[1], size, size], align_corners=False
    )
    return nn.functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
