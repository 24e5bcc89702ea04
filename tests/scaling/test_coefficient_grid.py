"""Every point of the grid doubles the multiply-adds, and no two make the same network."""

from __future__ import annotations

import pytest

from scaling.coefficient_grid import STEP, TOLERANCE, CoefficientGrid
from scaling.families import by_compound
from scaling.scaled import Base, ImageSizes
from search_space.published import published
from search_space.spaces import small


def _small(pixels: int) -> CoefficientGrid:
    return CoefficientGrid(Base("small", small(pixels).backbone, ImageSizes(pixels, pixels)))


@pytest.fixture(params=["small at 8", "small at 24", "efficientnet-b0"])
def grid(request: pytest.FixtureRequest) -> CoefficientGrid:
    name: str = request.param
    if name.startswith("small"):
        return _small(int(name.split()[-1]))
    network = published(name)
    sizes = ImageSizes(network.train_size, network.eval_size)
    return CoefficientGrid(Base(name, network.architecture, sizes))


def test_every_point_doubles_the_multiply_adds(grid: CoefficientGrid) -> None:
    """EfficientNet, equation 3: alpha * beta^2 * gamma^2 about 2, none below 1."""
    for i in range(grid.grid_size):
        alpha, beta, gamma = (float(grid.at(i)[name]) for name in ("alpha", "beta", "gamma"))
        assert alpha * beta**2 * gamma**2 == pytest.approx(2, abs=TOLERANCE)
        for value in (alpha, beta, gamma):
            assert value >= 1
            assert value / STEP == pytest.approx(round(value / STEP))


def test_no_two_points_make_one_network_at_one_size(grid: CoefficientGrid) -> None:
    points = [grid.at(i) for i in range(grid.grid_size)]
    made = {(grid.decode(point).architecture_id, grid.image_size(point)) for point in points}
    assert len(made) == len(points) == grid.size


def test_every_way_to_spend_is_there(grid: CoefficientGrid) -> None:
    """The grid has points that grow only depth, only width, only resolution, and mixed ones."""
    points = [grid.at(i) for i in range(grid.grid_size)]
    base = grid.base
    deepest = max(points, key=lambda point: point["alpha"])
    assert float(deepest["alpha"]) >= 1.9
    assert grid.image_size(deepest) <= 1.06 * base.sizes.train
    widest = max(points, key=lambda point: point["beta"])
    assert float(widest["beta"]) >= 1.35
    finest = max(points, key=lambda point: point["gamma"])
    assert float(finest["gamma"]) >= 1.35
    assert grid.image_size(finest) == grid.largest_image_size
    assert any(1 not in point.values() for point in points)


def test_the_papers_coefficients_make_a_candidate_of_b0() -> None:
    """The grid has 1.2, 1.1 and 1.15, or a point that makes the same network."""
    network = published("efficientnet-b0")
    base = Base("b0", network.architecture, ImageSizes(224, 224))
    grid, papers = CoefficientGrid(base), by_compound(base, 1.2, 1.1, 1.15, phi=1)
    points = [grid.at(i) for i in range(grid.grid_size)]
    made = {(grid.decode(point).architecture_id, grid.image_size(point)) for point in points}
    assert (papers.architecture.architecture_id, papers.sizes.train) in made


def test_options_are_the_values_of_the_points() -> None:
    grid = _small(24)
    for name, options in grid.options().items():
        assert set(options) == {grid.at(i)[name] for i in range(grid.grid_size)}
