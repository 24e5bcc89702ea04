"""The job for SLURM and the manifest for Kubernetes in docs/, as far as they run here."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from nas.cli.search import search
from tests.nas.command_line import REPOSITORY, completed, environment
from tests.nas.ray_machines import kill_session

_SLURM = REPOSITORY / "docs" / "slurm.sh"
_KUBERAY = REPOSITORY / "docs" / "kuberay.yaml"

# What stands for SLURM's commands: all machines are this one, and each has one core.
_COMMANDS = {
    "srun": """while [ "${1#--}" != "$1" ]; do shift; done
    exec "$@" --num-cpus=1 --num-gpus=0 --object-store-memory=83886080 --temp-dir="$RAY_FOLDER"
    """,
    "scontrol": """if [ "$1" = requeue ]; then echo "$2" >>"$REQUEUED"; else echo localhost; fi""",
    "nas": f'exec {sys.executable} -m nas "$@"',
}


def test_the_slurm_job_is_a_script_of_bash() -> None:
    subprocess.run(["bash", "-n", str(_SLURM)], check=True)
    options = re.findall(r"^#SBATCH (--\S+)", _SLURM.read_text(), re.MULTILINE)
    assert {"--signal=B:USR1@120", "--requeue", "--open-mode=append"} <= set(options)


@pytest.mark.slow
def test_the_slurm_job_queues_itself_again_and_goes_on(
    tiny_space_file: Path, tiny_data_file: Path, tmp_path: Path
) -> None:
    options = ("--data", tiny_data_file, "--space", tiny_space_file, "--budget", 8, "--epochs", 2)
    said = tmp_path / "said"
    with _job(tmp_path, *options) as job:
        while "\ncandidate" not in said.read_text():
            assert job.poll() is None, said.read_text()
            time.sleep(0.2)
        job.send_signal(signal.SIGUSR1)
        assert job.wait(30) == 0, said.read_text()
    assert "interrupted; go on with: nas search --resume runs/slurm-4711" in said.read_text()
    assert (tmp_path / "requeued").read_text() == "4711\n"
    run = tmp_path / "runs" / "slurm-4711"
    assert 1 <= len(completed(run)) < 8
    with _job(tmp_path, *options) as job:
        assert job.wait(200) == 0, said.read_text()
    assert len(completed(run)) == 8
    assert (tmp_path / "requeued").read_text() == "4711\n"


@contextmanager
def _job(folder: Path, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run the job on two machines; what it leaves is killed, as SLURM does."""
    commands = folder / "commands"
    commands.mkdir(exist_ok=True)
    for name, script in _COMMANDS.items():
        (commands / name).write_text(f"#!/bin/bash\n{script}\n")
        (commands / name).chmod(0o755)
    path = os.pathsep.join((str(commands), str(Path(sys.executable).parent), os.environ["PATH"]))
    with (
        tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as ray,
        (folder / "said").open("a") as said,
    ):
        given = {
            "PATH": path,
            "SLURM_JOB_ID": "4711",
            "SLURM_JOB_NODELIST": "localhost",
            "SLURM_JOB_NUM_NODES": "2",
            "REQUEUED": str(folder / "requeued"),
            "RAY_FOLDER": ray,
        }
        job = subprocess.Popen(
            ["bash", str(_SLURM), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**environment(), **given},
            start_new_session=True,
        )
        try:
            yield job
        finally:
            kill_session(job.pid)
            job.wait()


# The fields of KubeRay's API (https://ray-project.github.io/kuberay/reference/api/) that it uses.
_FIELDS = {
    "RayJob": {"apiVersion", "kind", "metadata", "spec"},
    "spec": {
        "entrypoint", "backoffLimit", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished",
        "rayClusterSpec",
    },
    "rayClusterSpec": {"rayVersion", "headGroupSpec", "workerGroupSpecs"},
    "headGroupSpec": {"rayStartParams", "template"},
    "workerGroupSpec": {
        "groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template",
    },
}  # fmt: skip


def test_the_manifest_has_the_fields_that_kuberay_knows() -> None:
    job = yaml.safe_load(_KUBERAY.read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    (workers,) = cluster["workerGroupSpecs"]
    for name, part in {
        "RayJob": job,
        "spec": job["spec"],
        "rayClusterSpec": cluster,
        "headGroupSpec": cluster["headGroupSpec"],
        "workerGroupSpec": workers,
    }.items():
        assert set(part) == _FIELDS[name]
    for group in (cluster["headGroupSpec"], workers):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        _check_pod(group["template"]["spec"])


def _check_pod(pod: dict[str, Any]) -> None:
    volumes = {volume["name"] for volume in pod["volumes"]}
    (container,) = pod["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    assert container["resources"]["limits"] == container["resources"]["requests"]


def test_the_manifest_begins_a_search_and_goes_on_with_it() -> None:
    """The two commands are those that nas search understands."""
    entrypoint = yaml.safe_load(_KUBERAY.read_text())["spec"]["entrypoint"]
    shell, _, script = shlex.split(entrypoint)
    assert shell == "sh"
    subprocess.run(["sh", "-n", "-c", script], check=True)
    begin, go_on = None, None
    for command in re.findall(r"exec nas search ([^;]*);", script):
        given = search.make_context("search", shlex.split(command)).params
        assert given["address"] == "auto"
        begin, go_on = (given, go_on) if given["resume"] is None else (begin, given)
    assert begin is not None
    assert go_on is not None
    assert begin["out"] == go_on["resume"]
