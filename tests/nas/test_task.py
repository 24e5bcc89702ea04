"""What a file's count of parameters tells of its task."""

from __future__ import annotations

import random

import pytest

from nas.errors import UserError
from nas.task import Task, parameters, task_of
from results.architecture_file import ArchitectureFile
from search_space.architecture import Architecture, Stage
from search_space.published import published
from search_space.spaces import small


def _file(architecture: Architecture, count: int | None) -> ArchitectureFile:
    return ArchitectureFile("winner", architecture, 8, 8, count)


@pytest.mark.parametrize("task", [Task(10, 1), Task(2, 3), Task(10, 3), Task(100, 3), Task()])
def test_the_count_tells_the_task(task: Task) -> None:
    for number in range(3):
        architecture = small(8).sample(random.Random(number))
        assert task_of(_file(architecture, parameters(architecture, task))) == task


def test_without_a_count_it_is_imagenets() -> None:
    architecture = published("efficientnetv2-s").architecture
    assert task_of(_file(architecture, None)) == Task(1000, 3)
    assert parameters(architecture, Task()) == 21_458_488


def test_a_count_that_fits_no_task_is_imagenets() -> None:
    assert task_of(_file(small(8).backbone, 5)) == Task()


def test_an_unknown_operator_is_the_users_to_mend() -> None:
    with pytest.raises(UserError, match="operator: got 'mine'"):
        parameters(Architecture((Stage("mine", 3, 1, 1, 8, 1),), 8), Task())
