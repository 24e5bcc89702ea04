"""Checks of candidates and settings from a record or a table, which anyone may have written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sized
from functools import partial
from typing import Any

from results.candidate import BACKBONE, Candidate
from reward.step_time.measurement import StepTime
from search_space import bounds
from search_space.bounds import MOST_INTEGER, OutOfBounds, real, text, whole

Check = Callable[[str, object], object]

_COUNT = partial(whole, most=MOST_INTEGER, least=0)
_ANY_WHOLE = partial(whole, most=MOST_INTEGER, least=-MOST_INTEGER)
_SHARE = partial(real, most=1.0)
_PARAMETERS = partial(whole, most=bounds.MOST_PARAMETERS)
_SECONDS = partial(real, most=bounds.MOST_SECONDS)
_IMAGE_SIZE = partial(whole, most=bounds.MOST_IMAGE_SIZE)
_LONG_TEXT = partial(text, most=bounds.MOST_TEXT)

_CANDIDATE: Mapping[str, Check] = {
    "number": partial(whole, most=bounds.MOST_NUMBER, least=0),
    "seed": _ANY_WHOLE,
    "image_size": _IMAGE_SIZE,
    "confirms": partial(whole, most=bounds.MOST_NUMBER, least=BACKBONE),
    "fidelity": text,
    "cause": text,
    "detail": _LONG_TEXT,
    "trace": _LONG_TEXT,
    "accuracy": _SHARE,
    "effective_images": partial(real, most=float(MOST_INTEGER), least=1.0),
    "parameters": _PARAMETERS,
    "multiply_adds": _COUNT,
    "reference_parameters": _PARAMETERS,
    "inference_time_s": _SECONDS,
    "worker": text,
    "started_at": _SECONDS,
    "finished_at": _SECONDS,
    "started_event": _COUNT,
    "ended_event": _COUNT,
}
_ALWAYS_KNOWN = ("number", "seed", "peak_memory_bytes", "batch_size")

_STEP_TIME: Mapping[str, Check] = {
    "peak_memory_bytes": _COUNT,
    "device": text,
    "image_size": _IMAGE_SIZE,
    "batch_size": _COUNT,
    "micro_batch_size": _COUNT,
    "unsteady": text,
}

_CONDITIONS: Mapping[str, Check] = {
    "mode": text,
    "failure": text,
    "busy_share": _SHARE,
    "host": text,
    "driver": text,
    "sharers": _COUNT,
}

_SETTINGS: Mapping[str, Check] = {
    "data": _LONG_TEXT,
    "data_fingerprint": text,
    "image_size": _IMAGE_SIZE,
    "classes": partial(whole, most=bounds.MOST_CLASSES),
    "in_channels": partial(whole, most=bounds.MOST_IMAGE_CHANNELS),
    "space": partial(text, most=bounds.MOST_SPACE_CHARACTERS),
    "sampler": text,
    "seed": _ANY_WHOLE,
    "budget": _COUNT,
    "max_failures": _COUNT,
    "epochs": partial(whole, most=bounds.MOST_EPOCHS),
    "batch_size": partial(whole, most=MOST_INTEGER),
    "time_limit_s": partial(real, most=MOST_INTEGER),
    "max_parameters": _COUNT,
    "max_step_time": partial(real, most=MOST_INTEGER),
    "max_memory_bytes": _COUNT,
    "scheduler": text,
    "bound": text,
    "confirm": _COUNT,
    "confirm_seeds": _COUNT,
    "confirm_epochs": partial(whole, most=bounds.MOST_EPOCHS),
    "reward": text,
    "minival": text,
    "background": text,
    "min_per_class": _COUNT,
    "minival_images": _COUNT,
    "guessing_accuracy": _SHARE,
    "metric": text,
    "baseline": _COUNT,
    "hours": partial(real, most=MOST_INTEGER),
    "until": _SECONDS,
    "price": partial(real, most=MOST_INTEGER),
    "data_share": _SHARE,
}


def checked(candidate: Candidate) -> Candidate:
    """Return the candidate if all its values are of their type and within bounds.

    Raises:
        OutOfBounds: one is not; the message names it.
    """
    _check(_CANDIDATE, vars(candidate))
    if candidate.step_time is not None:
        _check_step_time(candidate.step_time)
    _check_count("curve", candidate.curve, bounds.MOST_EPOCHS)
    for point in candidate.curve:
        whole("epoch", point.epoch, bounds.MOST_EPOCHS)
        real("loss", point.loss, sys.float_info.max, -sys.float_info.max)
        _SHARE("accuracy", point.accuracy)
        _SECONDS("elapsed_s", point.elapsed_s)
    for name in ("proposal", "phases_s", "versions"):
        _check_flat(name, getattr(candidate, name))
    for seconds in candidate.phases_s.values():
        _SECONDS("phases_s", seconds)
    return candidate


def check_settings(settings: object) -> dict[str, Any]:
    """Return a search's settings if those that are known are of their type and within bounds.

    Others, of another release, are kept as they are.

    Raises:
        OutOfBounds: one is not; the message names it.
    """
    if not isinstance(settings, dict):
        raise OutOfBounds(f"got {bounds.shown(settings)}, must be an object")
    _check(_SETTINGS, settings)
    return settings


def _check(checks: Mapping[str, Check], values: Mapping[str, object]) -> None:
    for name, check in checks.items():
        value = values.get(name)
        if value is not None or (name in _ALWAYS_KNOWN and name in values):
            check(name, value)


def _check_step_time(step_time: StepTime) -> None:
    _check(_STEP_TIME, vars(step_time))
    if step_time.conditions is not None:
        _check(_CONDITIONS, vars(step_time.conditions))
    samples, reference = step_time.samples_s, step_time.reference_samples_s
    for name, times_s in (("samples_s", samples), ("reference_samples_s", reference)):
        _check_count(name, times_s, bounds.MOST_STEPS)
        for time_s in times_s:
            if not _is_step(time_s):
                raise OutOfBounds(
                    f"{name}: got {bounds.shown(time_s)}, must be from {bounds.LEAST_STEP_S:g} "
                    f"to {bounds.MOST_STEP_S:g} s"
                )
    if not samples or len(samples) != len(reference):
        raise OutOfBounds(f"samples_s: got {len(samples)} beside {len(reference)} of the reference")


def _is_step(time_s: object) -> bool:
    if isinstance(time_s, bool) or not isinstance(time_s, float | int):
        return False
    return bounds.LEAST_STEP_S <= time_s <= bounds.MOST_STEP_S


def _check_count(name: str, values: Sized, most: int) -> None:
    if len(values) > most:
        raise OutOfBounds(f"{name}: got {len(values):,}, must be {most:,} or fewer")


def _check_flat(name: str, values: object) -> None:
    """Check an object whose values are texts, numbers or missing."""
    if not isinstance(values, Mapping):
        raise OutOfBounds(f"{name}: got {bounds.shown(values)}, must be an object")
    _check_count(name, values, bounds.MOST_NAME)
    for key, value in values.items():
        text(name, key)
        if isinstance(value, bool) or value is None:
            continue
        if isinstance(value, int | float):
            real(name, value, MOST_INTEGER, -MOST_INTEGER)
        else:
            text(name, value)
