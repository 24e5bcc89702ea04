"""Preparing a training from the options of ``nas train``, and one-line errors."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nas.architectures import find_architecture
from nas.errors import UserError
from nas.full_training.prepare import TrainRequest, prepare, scaled_regularization, with_sizes
from nas.full_training.settings import TrainSettings
from nas.training.recipes import epoch_stages
from results.architecture_file import ArchitectureFile, read, write
from search_space.task import Task
from tests.nas.full_training.conftest import MakeJob
from tests.nas.tiny import TINY_BACKBONE

RANGES = {
    "image_size": [8, 16],
    "randaugment_magnitude": [5.0, 15.0],
    "mixup_alpha": [0.0, 0.2],
    "dropout": [0.1, 0.4],
}


def test_the_datas_classes_and_channels_are_the_networks(make_job: MakeJob) -> None:
    job = make_job(arch="efficientnet-b0", image_size=8)
    assert job.settings.file.task == Task(4, 1)
    assert job.settings.file.parameters is None
    assert job.settings.file.name == "efficientnet-b0"


def test_no_size_is_larger_than_the_datas_own(make_job: MakeJob) -> None:
    job = make_job(arch="efficientnetv2-s")
    assert (job.settings.file.train_size, job.settings.file.eval_size) == (8, 8)
    assert job.data.image_size == 8


def test_evaluations_size_goes_with_trainings() -> None:
    file = find_architecture("efficientnetv2-s")
    assert (file.train_size, file.eval_size) == (300, 384)
    half = with_sizes(file, 150, None)
    assert (half.train_size, half.eval_size) == (150, 192)
    assert with_sizes(file, None, None) == file
    small = with_sizes(file, None, 320)
    assert (small.train_size, small.eval_size) == (300, 320)


def test_each_split_is_loaded_at_the_size_it_is_used_at(
    tiny_arch_file: Path, make_job: MakeJob
) -> None:
    write(tiny_arch_file, replace(read(tiny_arch_file), eval_size=10))
    job = make_job(image_size=8)
    assert job.data.image_size == 8
    assert job.data.minival.pixels.shape[2:] == (10, 10)
    assert job.recipe.resizing is None
    assert job.settings.loaded_sizes == (8, 10)
    again = prepare(TrainRequest(resume=job.directory.path, data_size=8))
    assert again.data.fingerprint() == job.data.fingerprint()


@pytest.mark.parametrize("data_size", [4, 12])
def test_training_images_may_be_kept_at_another_size(
    tiny_arch_file: Path, make_job: MakeJob, data_size: int
) -> None:
    write(tiny_arch_file, replace(read(tiny_arch_file), eval_size=10))
    job = make_job(image_size=8, data_size=data_size)
    assert job.data.image_size == data_size
    assert job.data.minival.pixels.shape[2:] == (10, 10)
    assert job.recipe.resizing is not None
    assert job.recipe.resizing.image_size(0) == 8
    with pytest.raises(UserError, match=f"--data-size: got 8, but .* with {data_size}"):
        prepare(TrainRequest(resume=job.directory.path, data_size=8))


def test_a_training_of_an_earlier_release_keeps_all_images_at_one_size(
    tiny_arch_file: Path, make_job: MakeJob
) -> None:
    write(tiny_arch_file, replace(read(tiny_arch_file), eval_size=10))
    settings = replace(make_job(image_size=8).settings, data_size=None)
    assert settings.loaded_sizes == (10, 10)
    resizing = settings.recipe(100).resizing
    assert resizing is not None
    assert resizing.image_size(0) == 8


def test_a_scaled_file_is_trained_progressively(tiny_arch_file: Path, make_job: MakeJob) -> None:
    scaled = replace(read(tiny_arch_file), train_size=16, eval_size=16)
    scaled = replace(scaled, training={"dropout": 0.3, "survival": 0.8, "progressive": RANGES})
    write(tiny_arch_file, scaled)
    resizing = make_job("a", image_size=16, preset="imagenet").recipe.resizing
    assert resizing is not None
    assert resizing.ranges.image_size == (8, 16)
    assert resizing.ranges.dropout == (0.1, 0.4)
    assert (
        make_job("b", image_size=16).recipe.resizing is None
    )  # the preset proxy has too few epochs
    at_32 = make_job("c", image_size=32, progressive=True).recipe.resizing
    assert at_32 is not None
    assert at_32.ranges.image_size == (16, 32)
    imagenet = make_job("d", image_size=16, preset="imagenet", progressive=False).recipe
    assert (imagenet.dropout, imagenet.survival) == (0.3, 0.8)
    assert (imagenet.randaugment_magnitude, imagenet.mixup_alpha) == (15.0, 0.2)


@pytest.mark.parametrize(
    ("arch", "sizes", "magnitude"),
    [
        ("efficientnetv2-s", [128, 300], [5, 15]),
        ("efficientnetv2-m", [128, 380], [5, 20]),
        # google/automl: int(0.8 * 224) // 16 * 16; 128 / 300 of it
        ("efficientnet-b0", [76, 176], [5, 15]),
        ("efficientnet-b4", [128, 304], [5, 15]),
        ("efficientnet-b7", [160, 480], [5, 21.3]),
    ],
)
def test_published_networks_have_the_papers_ranges(
    arch: str, sizes: list[int], magnitude: list[float]
) -> None:
    """EfficientNetV2, Table 6; the first version's networks up to 0.8 of their evaluation size."""
    file = find_architecture(arch)
    ranges = scaled_regularization(file, file)["progressive"]
    assert ranges["image_size"] == sizes
    assert ranges["randaugment_magnitude"] == magnitude


@pytest.mark.parametrize(
    ("arch", "dropout"),
    [("efficientnet-b0", 0.2), ("efficientnet-b4", 0.4), ("efficientnetv2-b3", 0.3)],
)
def test_published_networks_have_their_published_dropout(
    arch: str, dropout: float, make_job: MakeJob
) -> None:
    """Of google/automl; at one size, also with EfficientNet's own recipe."""
    file = find_architecture(arch)
    assert scaled_regularization(file, file)["dropout"] == dropout
    recipe = make_job(arch=arch, preset="efficientnet").recipe
    assert (recipe.dropout, recipe.survival) == (dropout, 0.8)
    assert recipe.autoaugment
    assert recipe.randaugment_magnitude == 0.0


def test_imagenet21k_of_the_public_code_is_at_224_px(make_job: MakeJob) -> None:
    job = make_job("a", arch="efficientnetv2-b0", preset="imagenet21k-automl")
    assert (job.settings.file.train_size, job.settings.file.eval_size) == (8, 8)  # the data's
    assert (job.recipe.dropout, job.recipe.survival) == (0.0, 1.0)  # not the network's
    job = make_job("b", arch="efficientnetv2-b0", preset="imagenet21k-automl", image_size=12)
    assert (job.settings.file.train_size, job.settings.file.eval_size) == (12, 14)


def test_at_another_size_the_first_versions_networks_keep_their_ratio() -> None:
    b4 = find_architecture("efficientnet-b4")
    at_96 = with_sizes(b4, 96, None)
    assert at_96.eval_size == 96
    assert scaled_regularization(at_96, b4)["progressive"]["image_size"] == [32, 76]  # 304 / 380


def test_sizes_may_come_in_random_order_and_batches_grow(make_job: MakeJob) -> None:
    job = make_job(image_size=32, progressive=True, random_sizes=True, batch_growth=4.0, epochs=60)
    resizing = job.recipe.resizing
    assert resizing is not None
    assert (resizing.is_random, resizing.batch_growth) == (True, 4.0)
    stages = epoch_stages(job.recipe, len(job.data.training), 32, seed=0)
    sizes = [stage.image_size for stage in stages]
    assert sizes != sorted(sizes)
    assert {stage.batch_size > 16 for stage in stages if stage.image_size < 32} == {True}
    assert {stage.batch_size for stage in stages if stage.image_size == 32} == {16}
    again = prepare(TrainRequest(resume=job.directory.path, batch_growth=4.0, random_sizes=True))
    assert again.recipe == job.recipe


@pytest.mark.parametrize("adaptive", [True, False])
@pytest.mark.parametrize("random_sizes", [True, False])
def test_regularization_follows_the_size_or_stays_at_its_largest(
    make_job: MakeJob, adaptive: bool, random_sizes: bool
) -> None:
    """EfficientNetV2, Table 13: either order of sizes, with either regularization."""
    given = {"progressive": True, "random_sizes": random_sizes, "adaptive": adaptive}
    job = make_job(arch="efficientnetv2-s", image_size=300, epochs=160, **given)
    stages = epoch_stages(job.recipe, len(job.data.training), 300, seed=0)
    assert len({stage.image_size for stage in stages}) == (13 if random_sizes else 4)
    assert all(128 <= stage.image_size <= 300 for stage in stages)
    for stage in stages:  # Table 6: dropout 0.1 to 0.3, RandAugment 5 to 15
        share = (stage.image_size - 128) / (300 - 128) if adaptive else 1.0
        assert stage.dropout == pytest.approx(0.1 + 0.2 * share, abs=0.001)
        assert stage.randaugment_magnitude == pytest.approx(5 + 10 * share, abs=0.05)
    again = prepare(TrainRequest(resume=job.directory.path, **given))  # type: ignore[arg-type]
    assert again.recipe == job.recipe


def test_a_training_of_an_earlier_release_draws_from_four_sizes(make_job: MakeJob) -> None:
    job = make_job(image_size=300, progressive=True, random_sizes=True, epochs=60)
    assert job.recipe.resizing is not None
    assert job.recipe.resizing.stages > 4
    settings = job.settings.to_json()
    del settings["sizes"], settings["adaptive"]
    resizing = TrainSettings.from_json(settings).recipe(len(job.data.training)).resizing
    assert resizing is not None
    assert (resizing.stages, resizing.adaptive) == (4, True)


def test_a_large_network_at_one_size_is_regularized_as_progressive_learning_ends(
    make_job: MakeJob,
) -> None:
    """EfficientNetV2, Table 6; the preset proxy regularizes all networks alike."""
    large = make_job("a", arch="efficientnetv2-l", preset="imagenet").recipe
    assert large.resizing is None
    assert (large.randaugment_magnitude, large.mixup_alpha, large.dropout) == (25.0, 0.5, 0.4)
    transfer = make_job("b", arch="efficientnetv2-l", preset="transfer").recipe
    assert (transfer.randaugment_magnitude, transfer.mixup_alpha) == (0.0, 0.0)
    assert transfer.dropout == 0.4
    light = make_job("c", arch="efficientnetv2-l", preset="proxy").recipe
    assert (light.randaugment_magnitude, light.mixup_alpha, light.dropout) == (0.0, 0.0, 0.0)


def test_the_preset_follows_from_the_data(make_job: MakeJob, tmp_path: Path) -> None:
    assert make_job("a", epochs=None).settings.preset == "proxy"
    assert make_job("b", epochs=None).settings.epochs == 30
    job = make_job("c", preset="imagenet", epochs=None)
    assert (job.settings.epochs, job.recipe.optimizer) == (350, "rmsprop")


def test_resume_finds_all_in_the_directory(make_job: MakeJob) -> None:
    job = make_job(seed=5, patience=3)
    assert prepare(TrainRequest(resume=job.directory.path, seed=5)).settings == job.settings
    content = json.loads((job.directory.path / "run.json").read_text())
    assert content["settings"]["seed"] == 5
    assert content["settings"]["data_fingerprint"] == job.data.fingerprint()
    assert "torch" in content["versions"]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("seed", 4, "--seed: got 4, but .* was started with 0"),
        ("epochs", 4, "--epochs: got 4, but .* was started with 3"),
        ("image_size", 16, "--image-size: got 16, but .* was started with 8"),
        ("progressive", True, "--progressive: got True, but .* was started with False"),
        ("random_sizes", True, "--random-sizes: got True, but .* was started with False"),
        ("adaptive", False, "--adaptive: got False, but .* was started with True"),
        ("batch_growth", 2.0, "--batch-growth: got 2.0, but .* was started with 1.0"),
        ("arch", "efficientnet-b0", "--arch: got .*, but .* was started with"),
        ("data", "digits", "--data: got 'digits', but .* was begun with .*, must be the same"),
        ("out", Path("elsewhere"), "--resume: .* must be given without --out"),
    ],
)
def test_a_resume_that_contradicts_is_refused(
    make_job: MakeJob, option: str, value: object, message: str
) -> None:
    path = make_job().directory.path
    with pytest.raises(UserError, match=message):
        prepare(TrainRequest(**{"resume": path, option: value}))  # type: ignore[arg-type]


def test_a_resumed_training_has_as_many_workers_as_before(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("nas.full_training.prepare.available_cores", lambda: 2)
    path = make_job(workers=2).directory.path
    assert prepare(TrainRequest(resume=path)).settings.workers == 2
    assert prepare(TrainRequest(resume=path, workers=1)).settings.workers == 2
    monkeypatch.setattr("nas.full_training.prepare.available_cores", lambda: 1)
    with pytest.raises(UserError, match="--workers: got 2, must be from 1 to 1: there is 1 core,"):
        prepare(TrainRequest(resume=path))


def test_resumed_with_other_images_is_refused(make_job: MakeJob, tiny_data_file: Path) -> None:
    job = make_job()
    with np.load(tiny_data_file) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    np.savez(tiny_data_file, images=255 - images, labels=labels)
    with pytest.raises(
        UserError,
        match=r"--resume: .* the images or labels of its data .* have changed since it began",
    ):
        prepare(TrainRequest(resume=job.directory.path))


def test_resumed_where_the_images_are_now_it_remembers_the_place(
    make_job: MakeJob, tiny_data_file: Path, tmp_path: Path
) -> None:
    job = make_job()
    run_file = job.directory.path / "run.json"
    begun = json.loads(run_file.read_text())
    run_file.write_text(json.dumps({**begun, "versions": {"torch": "1.0"}}))
    moved = tmp_path / "moved.npz"
    tiny_data_file.rename(moved)
    with pytest.raises(UserError, match=r"--resume: .* is missing, must be there, or --data"):
        prepare(TrainRequest(resume=job.directory.path))
    resumed = prepare(TrainRequest(resume=job.directory.path, data=str(moved)))
    assert resumed.settings == replace(job.settings, data=str(moved))
    assert prepare(TrainRequest(resume=job.directory.path)).settings == resumed.settings
    content = json.loads(run_file.read_text())
    assert content["versions"] == {"torch": "1.0"}
    assert content["settings"] == {**begun["settings"], "data": str(moved)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arch": None}, "--arch: must be given"),
        ({"data": None}, "--data: must be given"),
        ({"out": None}, "--out: must be given"),
        ({"arch": "efficientnetv2-z"}, "--arch: got 'efficientnetv2-z', must be a file"),
        ({"data": "didgits"}, "--data: got 'didgits', no such file or folder, must be"),
        ({"pretrained": Path("none.pt")}, "--pretrained: none.pt: "),
        ({"workers": 4}, "--workers: got 4, must be from 1 to 3: there are 3 cores, and 16 images"),
        ({"workers": 3}, "--workers: got 3 for batches of 16 .* it would divide --batch-size 15"),
        ({"random_sizes": True}, "--random-sizes: needs --progressive, but training is at one"),
        ({"adaptive": False}, "--no-adaptive: needs --progressive, but training is at one"),
        ({"adaptive": True}, "--adaptive: needs --progressive, but training is at one"),
        ({"batch_growth": 2.0}, "--batch-growth: needs --progressive, but training is at one"),
        (
            {"progressive": True, "batch_growth": 0.5},
            "--batch-growth: got 0.5, must be 1 or more",
        ),
    ],
)
def test_what_cannot_be_met_is_refused_before_a_directory_is_made(
    make_job: MakeJob,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, object],
    message: str,
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("nas.full_training.prepare.available_cores", lambda: 3)
    with pytest.raises(UserError, match=message):
        make_job(**options)
    assert not (tmp_path / "run").exists()


def test_a_taken_directory_is_refused(make_job: MakeJob) -> None:
    make_job()
    with pytest.raises(UserError, match=r"--out: got .*/run, which exists already"):
        make_job()


def test_a_directory_without_a_training_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--resume: got .*, must be the directory of a training"):
        prepare(TrainRequest(resume=tmp_path))
    (tmp_path / "run.json").write_text('{"schema_version": 1, "run_id": "a", "storage": null}')
    with pytest.raises(UserError, match=r"--resume: got .*, must be the directory of a training"):
        prepare(TrainRequest(resume=tmp_path))
    (tmp_path / "run.json").write_text('{"schema_version": 2}')
    with pytest.raises(UserError, match="later release"):
        prepare(TrainRequest(resume=tmp_path))


def test_ranges_that_are_none_are_refused(tiny_arch_file: Path, make_job: MakeJob) -> None:
    file = ArchitectureFile(
        "x", TINY_BACKBONE, 8, 8, training={"progressive": {"dropout": [0.1, 0.2]}}
    )
    write(tiny_arch_file, file)
    with pytest.raises(UserError, match=r"--arch: .* ranges .* as nas scale writes them"):
        make_job(progressive=True)
