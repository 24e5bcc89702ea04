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

if TYPE_CHECKING:
    from kornia.augmentation.auto import RandAugment

ASPECT_RATIOS = (3 / 4, 4 / 3)  # of random resized crops

# RandAugment
OPERATIONS = 2  # one after the other; EfficientNetV2's published code
MAX_MAGNITUDE = 29.99  # kornia takes less than 30
POLICIES_A_BATCH = 16

# The ranges of RandAugment's operations by kornia's names: their strength at magnitudes 0 and 30.
# Rotations, shears, shifts and colours are as strong as in EfficientNetV2's published code, where
# magnitude 10 is a rotation by 30 degrees, a shear by 0.3, a shift by 100 of some 300 pixels and a
# factor of 1.9. Kornia's contrast multiplies the whole image, so contrast and brightness stay where
# the image can still be seen. Posterize and solarize have kornia's own ranges; the published code
# applies less of them at larger magnitudes.
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


def augmented(
    pixels: Tensor,
    labels: Tensor,
    training: Images,
    recipe: Recipe,
    stage: TrainingStage,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Return a batch as the network trains on it: augmented, at the stage's size, channels last.

    ``pixels`` (N, C, H, W) are uint8 images of ``training``. With mixup, labels (N,) become
    targets (N, classes). The shifts of crops are drawn from ``generator``, everything else from
    torch's global generator of the device.
    """
    images = training.normalised(pixels)
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


def resized_crop(images: Tensor, size: int, min_area: float) -> Tensor:
    """Crop a random part of each image of (N, C, H, W), and resize it to ``size`` pixels.

    The part lies within the image, has a share of its area from ``min_area`` to 1, and an aspect
    ratio from 3:4 to 4:3 (arXiv 1409.4842, section 6). Images much larger than ``size`` are first
    shrunk with antialiasing, because the crop itself interpolates between only four pixels.
    """
    if images.shape[-1] > 2 * size:
        images = resized(images, 2 * size)
    n, device = len(images), images.device
    area = torch.empty(n, device=device).uniform_(min_area, 1)
    narrowest, widest = (math.log(ratio) for ratio in ASPECT_RATIOS)
    aspect = torch.empty(n, device=device).uniform_(narrowest, widest).exp()
    width, height = ((area * ratio).sqrt().clamp(max=1) for ratio in (aspect, 1 / aspect))
    # In affine_grid's coordinates an image runs from -1 to 1.
    x, y = ((2 * torch.rand(n, device=device) - 1) * (1 - side) for side in (width, height))
    zero = torch.zeros(n, device=device)
    rows = (torch.stack([width, zero, x], 1), torch.stack([zero, height, y], 1))
    grid = nn.functional.affine_grid(
        torch.stack(rows, 1), [n, images.shape[1], size, size], align_corners=False
    )
    return nn.functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def random_crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Shift each image of (N, C, H, W) by up to ``padding`` pixels; its border is mirrored."""
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
    """Mirror each image of (N, C, H, W) left to right with probability 0.5."""
    is_flipped = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return torch.where(is_flipped, images.flip(3), images)


def cutout(images: Tensor, share: float) -> Tensor:
    """Set a square of each image of (N, C, H, W) to 0, the mean (arXiv 1708.04552).

    The side of the square is ``share`` of the image's side. Its centre is anywhere in the image, so
    part of the square may lie outside.
    """
    if share == 0:
        return images
    n, _, height, width = images.shape
    rows, columns = (
        _random_interval(n, size, share, images.device).view(n, 1, *shape)
        for size, shape in ((height, (height, 1)), (width, (1, width)))
    )
    return images.masked_fill(rows & columns, 0.0)


def _random_interval(n: int, size: int, share: float, device: torch.device) -> Tensor:
    """Return a mask (N, size) of the pixels that a random interval of each image covers."""
    centres = torch.rand(n, 1, device=device) * size
    pixels = torch.arange(size, device=device) + 0.5
    return (pixels - centres).abs() < share * size / 2


def mixup(images: Tensor, labels: Tensor, alpha: float, classes: int) -> tuple[Tensor, Tensor]:
    """Blend each image of a batch (N, C, H, W) with its partner in the reversed batch.

    ``labels`` are (N,), or targets (N, classes). Returns the blended images and the targets
    (N, classes), blended alike. The weight of each image is drawn from Beta(alpha, alpha)
    (arXiv 1710.09412), and is at least 0.5, as in EfficientNetV2's published code.
    """
    concentration = torch.tensor(alpha, device=images.device)
    weight = Beta(concentration, concentration).sample((len(images),))  # (N,)
    weight = torch.maximum(weight, 1 - weight)
    targets = labels
    if labels.ndim == 1:
        targets = nn.functional.one_hot(labels, classes).to(images.dtype)
    return _blended(images, weight.view(-1, 1, 1, 1)), _blended(targets, weight[:, None])


def _blended(batch: Tensor, weight: Tensor) -> Tensor:
    return batch * weight + batch.flip(0) * (1 - weight)


def randaugment(images: Tensor, magnitude: float) -> Tensor:
    """Distort images (N, C, H, W) from 0 to 1 by two random operations (arXiv 1909.13719).

    Kornia draws the operations once a call for all images, and their signs for each image. A call
    for every image would be slow, so a batch is divided into up to 16 parts with operations of
    their own (docs/training.md).
    """
    policy = _policy(min(magnitude, MAX_MAGNITUDE), images.shape[1])
    parts = images.split(-(-len(images) // POLICIES_A_BATCH))  # type: ignore[no-untyped-call]
    return torch.cat([policy(part) for part in parts]).clamp_(0, 1)


@cache
def _policy(magnitude: float, channels: int) -> RandAugment:
    from kornia.augmentation.auto import RandAugment  # takes 1.2 s, and few trainings need it

    policy = [operation for operation in _POLICY if channels == 3 or operation[0][0] != "color"]
    return RandAugment(OPERATIONS, magnitude, policy, transformation_matrix_mode="skip")  # type: ignore[arg-type]
