"""What every scaling rule keeps, as assertions."""

from __future__ import annotations

from dataclasses import replace

from search_space.architecture import Architecture, Stage


def check_grown(base: Architecture, grown: Architecture) -> None:
    """Every stage of the base is there, at least as deep and as wide; only those two changed."""
    assert len(grown.stages) >= len(base.stages)
    for own, stage in zip(base.stages, grown.stages, strict=False):
        _check_form(own, stage)
        assert stage.layers >= own.layers
        assert stage.channels >= own.channels
    assert grown.stem_stride == base.stem_stride
    assert grown.stem_channels >= base.stem_channels
    assert grown.head_channels >= base.head_channels


def check_shrunk(base: Architecture, shrunk: Architecture) -> None:
    """The other way round: as many stages, none deeper or wider."""
    assert len(shrunk.stages) == len(base.stages)
    check_grown(shrunk, base)


def _check_form(own: Stage, stage: Stage) -> None:
    assert replace(stage, layers=own.layers, channels=own.channels) == own
