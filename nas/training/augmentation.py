"""Augmentation of whole batches on the training device, which is never waited for."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Dirichlet

from nas.data.images import Images, resized
from nas.training.autoaugment import autoaugment
from nas.training.distortions import random_squares
from nas.training.randaugment import randaugment
from nas.training.recipes import Recipe, TrainingStage

WIDEST = 4 / 3  # aspect ratio of random resized crops; the narrowest is 3:4


def augmented(
    pixels: Tensor, labels: Tensor, training: Images, recipe: Recipe, stage: TrainingStage
) -> tuple[Tensor, Tensor]:
    """Return a batch as the network trains on it: augmented, at the stage's size, channels last.

    ``pixels`` (N, C, H, W) are uint8 images of ``training``, of the size at which they are kept.
    With mixup, labels (N,) become targets (N, classes). A batch may be augmented in parts: only
    mixup's partners then differ.

    Everything is drawn from torch's global generator of the device, apart from the operations of
    RandAugment and AutoAugment, which are drawn from that of the CPU.
    """
    size, images = stage.image_size, pixels
    if recipe.crop_area < 1:
        images = resized_crop(images, size, recipe.crop_area, recipe.flip)
    elif images.shape[-1] != size:
        images = resized(images.float(), size)
    padding, flip = round(recipe.crop_padding * size), recipe.flip and recipe.crop_area == 1
    if padding or flip:
        images = random_crop(images, padding, flip)
    if stage.randaugment_magnitude > 0:
        images = randaugment(_rounded(images), stage.randaugment_magnitude)
    elif recipe.autoaugment:
        images = autoaugment(_rounded(images))
    images = images.contiguous(memory_format=torch.channels_last)
    images = cutout(training.at(size).normalised(images), recipe.cutout)
    if stage.mixup_alpha > 0:
        images, labels = mixup(images, labels, stage.mixup_alpha, training.classes)
    return images.contiguous(memory_format=torch.channels_last), labels


def _rounded(images: Tensor) -> Tensor:
    """Return images of 0 to 255 as uint8."""
    return images if images.dtype == torch.uint8 else (images + 0.5).to(torch.uint8)


def resized_crop(images: Tensor, size: int, min_area: float, flip: bool = False) -> Tensor:
    """Crop a random part of each image of (N, C, H, W), and resize it to ``size`` pixels.

    The part lies within the image, has a share of its area from ``min_area`` to 1, and an aspect
    ratio from 3:4 to 4:3 (arXiv 1409.4842, section 6). With ``flip``, half of the images are
    mirrored left to right. Images much larger than ``size`` are first shrunk with antialiasing,
    because the crop itself interpolates between only four pixels.
    """
    images = images.float()
    if images.shape[-1] > 2 * size:
        images = resized(images, 2 * size)
    n, device = len(images), images.device
    area = torch.empty(n, device=device).uniform_(min_area, 1)
    aspect = WIDEST ** torch.empty(n, device=device).uniform_(-1, 1)
    sides = torch.stack([area * aspect, area / aspect]).sqrt_().clamp_(max=1)  # (width, height; N)
    # grid_sample's coordinates run from -1 to 1, between the outer edges of the pixels.
    centres = (1 - sides) * torch.empty(2, n, device=device).uniform_(-1, 1)
    if flip:
        sides[0] *= torch.randint(2, (n,), device=device) * 2 - 1
    ticks = torch.linspace(1 / size - 1, 1 - 1 / size, size, device=device)
    x, y = torch.addcmul(centres[:, :, None], sides[:, :, None], ticks).unbind()  # (N, size)
    x, y = x[:, None, :].expand(-1, size, -1), y[:, :, None].expand(-1, -1, size)
    grid = torch.stack([x, y], 3)
    return nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def random_crop(images: Tensor, padding: int, flip: bool = False) -> Tensor:
    """Shift each image of (N, C, H, W) by up to ``padding`` pixels; its border is mirrored.

    H = W. With ``flip``, half of the images are also mirrored left to right.
    """
    n, channels, size, _ = images.shape
    last, device = size - 1, images.device
    shifts = torch.randint(-padding, padding + 1, (2, n, 1), device=device)
    places = torch.arange(size, device=device) + shifts
    rows, columns = (last - (last - places.abs()).abs()).unbind()  # (N, H), (N, W)
    if flip:
        columns = (torch.randint(2, (n, 1), device=device) * last - columns).abs()
    places = (rows[:, :, None] * size + columns[:, None, :]).view(n, 1, -1)
    return images.flatten(2).gather(2, places.expand(-1, channels, -1)).view_as(images)


def cutout(images: Tensor, share: float) -> Tensor:
    """Set a square of each image of (N, C, H, W) to 0, the mean, in place (arXiv 1708.04552).

    The side of the square is ``share`` of the image's side. Its centre is anywhere in the image, so
    part of the square may lie outside.
    """
    if share == 0:
        return images
    return images.masked_fill_(random_squares(images, share * images.shape[-1] / 2), 0.0)


def mixup(images: Tensor, labels: Tensor, alpha: float, classes: int) -> tuple[Tensor, Tensor]:
    """Blend each image of a batch (N, C, H, W) with its partner in the reversed batch.

    ``labels`` are (N,), or targets (N, classes). Returns the blended images and the targets
    (N, classes), blended alike. The weight of each image is drawn from Beta(alpha, alpha)
    (arXiv 1710.09412), and is at least 0.5, as in EfficientNetV2's published code.
    """
    n, device = len(images), images.device
    # Beta(alpha, alpha) as a Dirichlet distribution: its two weights are that and the rest.
    concentration = torch.full((n, 2), alpha, device=device)
    weight = Dirichlet(concentration, validate_args=False).sample().amax(1)  # (N,)
    targets = labels
    if labels.ndim == 1:
        zeros = torch.zeros(n, classes, dtype=images.dtype, device=device)
        targets = zeros.scatter_(1, labels[:, None], 1.0)
    return _blended(images, weight.view(-1, 1, 1, 1)), _blended(targets, weight[:, None])


def _blended(batch: Tensor, weight: Tensor) -> Tensor:
    return torch.lerp(batch.flip(0), batch, weight)
