"""``--network``: a network by a function is trained, resumed and evaluated as one of ours."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from nas.errors import UserError
from nas.export.request import Request
from nas.export.source import find_source
from nas.export.write import write
from nas.full_training.checkpoint import read_network
from nas.full_training.prepare import TrainRequest, prepare
from nas.full_training.run import run_training
from nas.training.loop import set_dropout
from reward.complexity import count_parameters
from search_space.architecture import own_network
from search_space.task import Task
from tests.nas.full_training.conftest import MakeJob

HERE = "tests.nas.full_training.test_own_network"
pytestmark = pytest.mark.usefixtures("_one_thread")


class Timms(nn.Module):
    """As timm's: the rate of dropout is a number, and ``in_chans`` are the images' channels."""

    def __init__(self, num_classes: int, in_chans: int = 3) -> None:
        super().__init__()
        self.drop_rate = 0.0
        self.conv = nn.Conv2d(in_chans, 8, 3, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.classifier = nn.Linear(8, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x)).relu().mean((2, 3))
        x = nn.functional.dropout(x, self.drop_rate, self.training)
        logits: Tensor = self.classifier(x)
        return logits


def without_channels(num_classes: int) -> nn.Module:
    return nn.Linear(1, num_classes)


def no_module(num_classes: int, in_chans: int) -> str:
    return f"{num_classes} {in_chans}"


def no_logits(num_classes: int, in_chans: int) -> nn.Module:
    return nn.Identity()


def for_large_images(num_classes: int, in_chans: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(in_chans, num_classes, 9), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def test_it_is_trained_and_evaluated_as_one_of_ours(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job("own", arch=None, network=f"{HERE}:Timms", epochs=2)
    assert (job.settings.file.name, job.settings.file.task) == ("Timms", Task(4, 1))
    assert (job.settings.file.train_size, job.settings.file.eval_size) == (8, 8)
    trained = run_training(job)
    network = read_network(tmp_path / "own").build()
    assert isinstance(network.whole, Timms)
    assert network.whole.norm.momentum == 0.01  # as the averages take it
    with torch.no_grad():
        assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 4)
    assert trained.epoch in (1, 2)
    again = prepare(TrainRequest(resume=tmp_path / "own", network=f"{HERE}:Timms"))
    assert again.settings == job.settings
    with pytest.raises(UserError, match=r"--network: got .*, but .* was started with '.*:Timms'"):
        prepare(TrainRequest(resume=tmp_path / "own", network=f"{HERE}:no_logits"))
    request = Request(tmp_path / "net.onnx", "nas", False, False)
    with pytest.raises(
        UserError, match=r"SOURCE: got Timms, a network of .*, must be one of stages"
    ):
        write(find_source(str(tmp_path / "own"), None), request, 0)


def test_progressive_learning_follows_its_parameters(make_job: MakeJob) -> None:
    job = make_job("own", arch=None, network=f"{HERE}:Timms", progressive=True, image_size=30)
    assert job.recipe.resizing is not None
    assert job.recipe.resizing.ranges.image_size == (12, 30)  # 128 / 300 of it, without a stride
    assert job.recipe.resizing.ranges.dropout == (0.1, 0.3)  # as S
    architecture = own_network(f"{HERE}:Timms")
    assert count_parameters(architecture, Task(4, 1)) == 8 * 9 + 2 * 8 + 9 * 4


def test_dropout_is_set_in_timms_way_too() -> None:
    network = Timms(4)
    set_dropout(network, None)
    assert network.drop_rate == 0.0
    set_dropout(network, 0.3)
    assert network.drop_rate == 0.3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"network": "resnet50"},
            "--network: got 'resnet50', must be of the form package.module:a",
        ),
        ({"network": "no_such:net"}, "--network: got 'no_such:net', no such module"),
        ({"network": f"{HERE}:nothing"}, "--network: .* has no nothing"),
        ({"network": f"{HERE}:without_channels"}, "TypeError: .* keyword argument 'in_chans'"),
        ({"network": f"{HERE}:no_module"}, "got a str, must return a torch.nn.Module"),
        ({"network": f"{HERE}:no_logits"}, r"got \(2, 1, 8, 8\) for two images of 4 classes"),
        ({"network": f"{HERE}:for_large_images"}, "RuntimeError with two images of 8 px: "),
        ({"network": f"{HERE}:Timms", "arch": "efficientnet-b0"}, "beside --arch, must be one of"),
        ({"network": f"{HERE}:Timms", "pretrained": Path("a.pt")}, "--pretrained: got a.pt beside"),
        ({"network": None}, "--arch: must be given"),
    ],
)
def test_what_is_no_network_is_refused_before_a_directory_is_made(
    make_job: MakeJob, tmp_path: Path, options: dict[str, object], said: str
) -> None:
    with pytest.raises(UserError, match=said) as error:
        make_job("own", **{"arch": None, **options})
    assert "\n" not in str(error.value)
    assert not (tmp_path / "own").exists()
