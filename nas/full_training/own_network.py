"""``--network``: any ``torch.nn.Module`` by a function, such as torchvision's and timm's."""

from __future__ import annotations

import torch

from nas.architectures import build_network
from nas.errors import UserError
from nas.imports import import_named
from results.architecture_file import ArchitectureFile
from search_space.architecture import InvalidArchitecture, own_network
from search_space.named import short_name

IMAGE_SIZE = 224  # pixels, to train and to evaluate at; that of most networks for photographs


def own_file(reference: str) -> ArchitectureFile:
    """Import and return the network that a function makes (:func:`own_network`), at 224 px.

    Raises:
        UserError: the text is no reference, or its module cannot be imported.
    """
    import_named(reference, "--network")
    try:
        architecture = own_network(reference)
    except InvalidArchitecture as error:
        raise UserError(f"--{error}, such as torchvision.models:resnet50") from error
    return ArchitectureFile(short_name(reference), architecture, IMAGE_SIZE, IMAGE_SIZE)


def check_own_network(file: ArchitectureFile, size: int) -> None:
    """Check that the network can be made for the task, and maps two images to logits.

    ``size`` is the smallest in pixels that it is trained at.

    Raises:
        UserError: it cannot, or does not; the message has the reason in one line.
    """
    task, reference = file.task, file.architecture.network
    images = torch.zeros(2, task.in_channels, size, size)
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            found = build_network(file, "--network").eval()(images)
    except UserError:
        raise
    except Exception as error:  # of any type, as it is the user's code
        text = " ".join(str(error).split())[:200]
        raise UserError(
            f"--network: {reference}: {type(error).__name__} with two images of {size} px: {text}"
        ) from error
    if not isinstance(found, torch.Tensor) or found.shape != (2, task.classes):
        got = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        raise UserError(
            f"--network: {reference}: got {got} for two images of {task.classes} classes, must be "
            f"logits of shape (2, {task.classes})"
        )
