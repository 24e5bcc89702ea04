"""The rows of the papers: counts, images by class, and what is read from tables."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from benchmarks.paper.__main__ import ROWS, _parser
from benchmarks.paper.counts import of_published
from benchmarks.paper.measuring import count_words
from benchmarks.paper.options import listed, network_of_name
from benchmarks.paper.own_trainings import Point, _advantage, _of_timm, _of_training
from benchmarks.paper.pretraining import _compare, _Pretrained, of_classes, some
from benchmarks.paper.setting import Setting
from benchmarks.paper.trainings import _v1_and_v2
from benchmarks.result_lines import ResultLines
from nas.data.images import Images
from nas.errors import UserError
from reward.complexity import count_parameters
from search_space.network import Network
from search_space.spaces import small
from search_space.task import Task


def _images(per_class: int = 4, classes: int = 6) -> Images:
    labels = torch.arange(classes).repeat(per_class)
    pixels = labels.to(torch.uint8)[:, None, None, None].expand(-1, 1, 8, 8).contiguous()
    one = torch.ones(1, 1, 1, 1)
    return Images(pixels, labels, one, one, classes)


def test_classes_are_numbered_from_zero_and_keep_their_images() -> None:
    found = of_classes(_images(), range(3, 6))
    assert found.classes == 3
    assert sorted(found.labels.tolist()) == [0] * 4 + [1] * 4 + [2] * 4
    assert torch.equal(found.pixels[:, 0, 0, 0].long(), found.labels + 3)


def test_some_images_have_each_class() -> None:
    found = some(_images(), 12)
    assert np.bincount(found.labels.numpy()).tolist() == [2] * 6
    with pytest.raises(UserError, match="--images: got 25, must be 24 or less"):
        some(_images(), 25)


def test_pretrained_weights_keep_all_but_the_classifier() -> None:
    options = _parser().parse_args(["table8", "--epochs", "1", "--batch-size", "4"])
    backbone = small(8).backbone
    pretrained = _Pretrained(backbone, of_classes(_images(), range(3)), options)
    weights = pretrained.weights(0)
    for classes in (3, 5):  # as many classes, and others
        begun = pretrained.begun(0)(Task(classes, 1)).state_dict()
        differ = {name for name in begun if begun[name].shape != weights[name].shape}
        differ |= {n for n in begun if n not in differ and not torch.equal(begun[n], weights[n])}
        assert {name for name in differ if name.endswith("weight")} == {"classifier.weight"}


def test_each_seed_is_a_training_of_its_own_also_from_scratch() -> None:
    arguments = ["table8", "--epochs", "1", "--batch-size", "4", "--seeds", "2"]
    options = _parser().parse_args(arguments)
    images, lines = _images(), ResultLines(None, {})
    pretrained = _Pretrained(small(8).backbone, of_classes(images, range(3)), options)
    training = of_classes(images, range(3, 6))
    _compare("others", training, training, pretrained, lines)
    for way in ("pretrained", "from scratch"):
        assert [line["seed"] for line in lines.find("training", way=f"others, {way}")] == [0, 1]


def test_a_published_network_is_counted_at_its_evaluation_size() -> None:
    assert count_words(of_published("efficientnetv2-s")).startswith("21.5 M, 8.")


def test_v1_and_v2_have_as_many_parameters_as_the_backbone() -> None:
    task = Task(24, 3)
    wanted = count_parameters(small(32).backbone, task)
    networks = _v1_and_v2(task)
    for network in networks.values():
        assert count_parameters(network, task) == pytest.approx(wanted, rel=0.05)
    v1, v2 = networks["V1"], networks["V2"]
    assert {stage.operator for stage in v1.stages} == {"mbconv"}
    assert v2.stages[0].operator == "fused_mbconv"


def test_regularization_ends_at_table_6_whatever_the_order() -> None:
    options = _parser().parse_args(["table13"])
    setting = Setting(_images(), _images(), options)
    for is_random in (False, True):
        resizing = setting.resized(128 / 300, True, is_random).resizing
        assert resizing is not None
        assert resizing.ranges.image_size == (3, 8)
        assert resizing.ranges.randaugment_magnitude == (5.0, 15.0)
        assert resizing.epochs_a_size == 1  # 8 of 350 epochs, of 24


def test_a_network_of_another_library_gets_the_number_of_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "from torch import nn\n\ndef net(num_classes):\n    return nn.Linear(2, num_classes)\n"
    (tmp_path / "networks_of_others.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    network = Network(network_of_name("networks_of_others:net"), classes=7).whole
    assert isinstance(network, nn.Linear)
    assert network.out_features == 7


def test_values_with_commas() -> None:
    assert listed(int)("128,192,300") == (128, 192, 300)


def test_v2_at_the_same_accuracy_is_interpolated() -> None:
    points = [
        Point("EfficientNetV2", "s", 1.0, 80.0),
        Point("EfficientNetV2", "m", 4.0, 82.0),
        Point("NFNet", "f0", 6.0, 81.0),
        Point("NFNet", "f1", 9.0, 83.0),
    ]
    # Half way between 1 and 4 on a logarithmic scale is 2; f1 is above all of V2's.
    assert _advantage(points, "NFNet").startswith("x 3.0 to 3.0 of")
    assert _advantage(points, "ResNet-RS").startswith("no network")


def test_timms_tables_are_joined_by_name_and_weights() -> None:
    steps = pd.DataFrame(
        {"train_samples_per_sec": [500.0, 250.0]},
        index=["tf_efficientnetv2_s", "tf_efficientnet_b4"],
    )
    accuracies = pd.DataFrame(
        {"top1": [83.9, 80.0, 83.0, 85.2]},
        index=[
            "tf_efficientnetv2_s.in1k",
            "tf_efficientnetv2_s.in1k",
            "tf_efficientnet_b4.aa_in1k",
            "tf_efficientnet_b4.ns_jft_in1k",
        ],
    )
    points = {point.name: point for point in _of_timm(steps, accuracies)}
    assert (points["tf_efficientnetv2_s"].time, points["tf_efficientnetv2_s"].accuracy) == (1, 83.9)
    assert (points["tf_efficientnet_b4"].time, points["tf_efficientnet_b4"].accuracy) == (2, 83.0)


def test_a_training_is_read_from_its_directory(tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text(
        "epoch,accuracy,image_size,seconds\n1,0.5,16,1800\n2,0.7,32,3600\n3,0.6,32,1800\n"
    )
    (tmp_path / "run.json").write_text(json.dumps({"settings": {"file": {"name": "small"}}}))
    point = _of_training(tmp_path)
    assert (point.time, point.family) == (2.0, "16 to 32 px")
    assert point.accuracy == pytest.approx(70)
    with pytest.raises(UserError, match="must be a directory of nas train"):
        _of_training(tmp_path / "none")


def test_the_rows_are_listed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.paper"], capture_output=True, text=True, check=True
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(ROWS)
