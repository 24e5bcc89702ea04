"""The data of the dashboard's page: format of the JSON that the server sends and reports contain.

All numbers are raw: seconds, bytes, shares in [0, 1]. The page scales them for display and computes
rewards, ranks and fronts itself, since its sliders change them. Null stands for an unknown value.
Every text may come from a stranger's run, so the page must never treat a text as HTML.

The whole page, ``GET /api/runs``, and in the report
under ``<script id="nas-data">``, there as gzip in base64 and with its details apart, under
``nas-details``::

    {"mode": "live" | "report",
     "has_control": false,               # whether requests to running searches are passed on
     "generated_at": 1.7e9,              # Unix seconds
     "objective": OBJECTIVE,             # that the page starts from
     "runs": [RUN, ...],
     "benches": [BENCH, ...],
     "details": {"0": {"17": DETAIL}},   # only in the report, by run and number
     "importance": {"0": {"reward": IMPORTANCE, ...}}}    # only in the report, by the objective

An OBJECTIVE, the form of a reward; T is a multiple of S0, or in seconds if ``is_in_seconds``::

    {"form": "product", "numbers": {"w": -0.07, "v": -0.05}, "is_in_seconds": false}
    {"form": "power", "numbers": {"T": 1.2, "alpha": 0, "beta": -1}, "is_in_seconds": false}
    {"form": "absolute", "numbers": {"T": 1.2, "beta": -0.07}, "is_in_seconds": false}
    {"form": "own", "numbers": {}, "is_in_seconds": false, "name": "package.module:function"}

The rewards are ``A * (S/S0)**w * (P/P0)**v``; ``A * (S/T)**e`` with e = alpha up to T and beta
above it; ``A + beta * abs(S/T - 1)``; and the column own_reward, computed by the user's function.
In an address a reward is a text:
``product:w=-0.07,v=-0.05``, ``hard:T=1.2,alpha=0,beta=-1`` for the form power,
``absolute:T=0.05s,beta=-0.07``.

A RUN; ``id`` is its index among the RUNs of the command line::

    {"id": 0,
     "path": "runs/2026-11-22-01",       # as given on the command line
     "title": "small on digits",         # space and data
     "version": "4f1c-31-2",             # for ?after=; opaque
     "whole": true,                      # false: columns hold only new or changed rows
     "problem": null,                    # or why the run cannot be shown; columns are then empty
     "warnings": ["2 damaged candidates are left out", ...],
     "run_id": "9a0c...", "created_at": 1.7e9,
     "is_searching": true,               # a search holds the run's lock; null: unknown
     "settings": {"data": "digits", "budget": 100, ...},   # any JSON values
     "metric": {"name": "macro_f1", "title": "macro F1", "short": "macro F1"},  # each accuracy is
                                         # its value; accuracy itself by default
     "task": {"classes": 10, "in_channels": 1},
     "space": {"name": "small", "size": 186624, "stages": STAGES of the backbone,
               "stem_channels": 16, "stem_stride": 1, "head_channels": 256,
               "parameters": [{"name": "stage1.operator", "stage": 1, "choice": "operator",
                               "options": ["mbconv", "fused_mbconv"]}, ...]},       # or null
     "basis": {"data": {"text": "digits", "key": "9eb1..."}, "epochs": {...}, ...},   # what rewards
                                         # rest on; runs with other keys are not ranked together
     "verdict": VERDICT,                 # null: without a winner, and in a run of nas proxy
     "comparison": COMPARISON,           # null: a search
     "notes": {"run": NOTE, "candidates": {"17": NOTE, ...}},
     "requests": REQUESTS,
     "forecast": FORECAST,               # null: not searching, or too early
     "standing": STANDING,               # null: the run cannot be read
     "running": [RUNNING, ...],          # by number; empty unless the run is searching
     "workers": {"node-a/4711": "worker 1", ...},   # names of the column worker's processes
     "reference": {"name": "backbone", "candidate": 12,    # the candidate with this architecture
                   "accuracy", "parameters", "multiply_adds", "step_time_s",
                   "normalized_step_time": 1, "peak_memory_bytes", "inference_time_s",
                   "images_per_s"},      # or null; any value may be null
     "columns": COLUMNS}

A VERDICT on the winner by the run's own reward; ``GET /api/runs/<id>/verdict?reward=TEXT`` gives it
for any other. ``winner`` is the number of the candidate in best.json, also where candidates were
confirmed. The texts are those of the end of a search; ``hint`` are options that decide between
near-ties, and the time that takes, or empty::

    {"winner": 17, "objective": OBJECTIVE, "sentences": ["...", ...], "warnings": ["...", ...],
     "hint": "--confirm 3, about 12 minutes",
     "chances": [[17, 0.43], [4, 0.21], ...],              # to be the best, the highest first;
                                                           # null: the noise is not known
     "within_noise": [4, 9, ...], "expected_reward": 0.51}                 # null likewise

A COMPARISON of short and long trainings: what ``nas proxy --json`` prints, by the run's own reward.

A NOTE, by people; ``PUT /api/runs/<id>/notes`` and ``PUT /api/runs/<id>/candidates/<number>/notes``
replace one, given the server's token in the header ``X-Token``; an empty one is removed::

    {"text": "diverges with seed 3", "tags": ["to train"]}

REQUESTS to a running search, that wait for it: whether it is to stop, and the networks that it is
to evaluate, the next first. Given the token and ``nas dashboard --control``,
``POST /api/runs/<id>/stop`` asks it to stop; ``POST /api/runs/<id>/next``, with an option of each
choice of the space as ``{"stage1.operator": "mbconv", ...}``, asks for a network and answers with a
WANTED; ``DELETE /api/runs/<id>/next/<name>`` takes it back::

    {"stop": false, "next": [WANTED, ...]}

A WANTED::

    {"name": "next-01764500000000000000-0f3a9c11.json", "stages": "F3e1c24x2 M3e4c48x4/2"}

A FORECAST of a search's end; pairs are the ends of a 90 % interval. The cost is by the setting
``price``, without which it is null. ``candidates`` will have been evaluated, fewer than planned if
``is_cut``, that is, if the time is up before::

    {"ends_at": [1.7e9, 1.7e9], "candidates": 840, "is_cut": true,        # Unix seconds
     "cost_so_far": 4.1, "cost": [12.3, 13.9]}

A STANDING: how far the search is. ``evaluated`` candidates are complete, or were stopped by a
pruner; ``planned`` ones are to be, null if that is not known; ``total`` are all rows. ``done`` and
``sentence`` are the words of the terminal: the sentence leads from one number to the other::

    {"evaluated": 278, "planned": 2000, "is_cut": false, "total": 293, "done": "278 of 2,000",
     "sentence": "278 of 2,000 evaluated: 270 complete, 8 stopped (asha 8); besides 12 failed "
                 "(diverged 12), 3 trainings of the backbone: 293 in all"}

A RUNNING: a candidate that is being trained, as far as the search's process has heard of it.
``epochs`` are those that it is to have, ``accuracy`` is that after the last epoch so far, and
``name`` the worker's; all but number and stages may be null::

    {"number": 31, "confirms": null, "fidelity": null, "worker": "node-a/4711", "name": "worker 2",
     "started_at": 1.7e9, "epochs": 10, "accuracy": 0.91,
     "curve": [[epoch, loss, accuracy, elapsed_s], ...],
     "step_time_s": 0.046, "normalized_step_time": 0.83, "parameters": 86500, "stages": STAGES}

COLUMNS: lists of equal length with one entry per candidate, by ascending number::

    number, confirms, state, cause, detail, seed, architecture_id,
    accuracy, accuracy_low, accuracy_high,              # the metric on the minival, [0, 1];
                                                        # 95 % interval, or null
    step_time_s, step_time_low_s, step_time_high_s,                    # median, 95 % interval
    normalized_step_time, normalized_low, normalized_high,             # S/S0, 95 % interval
    reference_step_time_s,                             # S0, timed in turn with the candidate's step
    parameters, reference_parameters, multiply_adds, peak_memory_bytes,
    inference_time_s, images_per_s,                                # latency; training throughput
    epochs, training_s, started_at, finished_at,                       # Unix seconds
    curve,                             # the metric after each epoch, from the first on, to 4 digits
    layers, fused_share,               # all stages' layers; the share of them that is fused_mbconv
    stages,                                   # in short, as F3e4c48x4/2 M3e4c128x6/2
    unsteady,                                 # what disturbed the step time; null if nothing did
    own_reward,                               # of the form own, else null
    worker, device, image_size, batch_size,
    choices                            # {"stage1.operator": [0, 1, null, ...], ...}: indices into
                                       # the choice's options; null outside the space, and for a
                                       # stage with 0 layers except for its layers

``state``, ``cause``, ``worker`` and ``device`` are ``{"values": [texts], "codes": [0, null,
...]}``: the codes are indices into the ``values`` of the same response. ``seed`` is text, since a
double cannot hold it. States: running, complete, failed, infeasible, stopped, duplicate.

Only a complete candidate with accuracy, normalized_step_time, parameters and reference_parameters
has a reward. A T in seconds is divided by the candidate's own S0, ``reference_step_time_s``. Of
equal rewards the lowest number wins. The front is over accuracy (high) and normalized_step_time
(low) of the complete candidates; equals stay on it together. A candidate that ``confirms`` another,
by training it again with another seed, has no reward and is not on the front; ``confirms`` is -1
for a training of the space's backbone.

STAGES are as in an architecture's JSON, where SiLU is left out and any other activation stands as
``"activation": "relu"``::

    [{"operator": "mbconv", "kernel": 3, "stride": 1, "expansion": 4, "channels": 24, "layers": 2,
      "se_ratio": 0.25}, ...]

A DETAIL, ``GET /api/runs/<id>/candidates/<number>``: one candidate::

    {"number": 17, "name": "candidate-17",
     "state", "cause", "detail", "seed", "worker", "started_at", "finished_at",
     "reason": "Its training diverged: ...",               # the cause in words, or null
     "trace": ["nn/conv.py:454 in forward: ...", ..., "RuntimeError: ..."],  # of an error, or []
     "architecture": {"schema_version", "stem_channels", "stem_stride", "head_channels", "stages",
                      "architecture_id"},
     "curve": [[epoch, loss, accuracy, elapsed_s], ...],
     "samples_s": [...], "reference_samples_s": [...],     # in pairs: step, backbone's step
     "step_time": {"device", "image_size", "batch_size", "micro_batch_size", "is_precise",
                   "unsteady", "step_time_s", "step_time_ci_s": [low, high],
                   "conditions": {"mode", "busy_share", ...} or null,
                   "normalized_step_time", "normalized_ci": [low, high],
                   "peak_memory_bytes"},                   # or null: not timed
     "accuracy", "parameters", "reference_parameters", "multiply_adds", "inference_time_s",
     "phases_s": {"build": 0.1, ...}, "versions": {"torch": "2.13.0", ...}, "proposal": {...},
     "file_name": "candidate-17.json",
     "file": {...},                      # what "save JSON" saves; null if it cannot be made
     "commands": {"scale": "nas scale --from candidate-17.json --to M",
                  "train": "nas train --arch candidate-17.json ..."}}   # quoted for a shell

A BENCH, a row of ``nas bench --json``::

    {"name", "accuracy", "parameters", "multiply_adds", "step_time_s", "images_per_s",
     "inference_time_s", "peak_memory_bytes", "device", "batch_size", "image_size",
     "normalized_step_time": [1.2, null]}     # by run; null if timed on another
                                              # device, batch size or image size

An IMPORTANCE, ``GET /api/runs/<id>/importance?target=reward&reward=TEXT``; ``target`` is reward,
accuracy or normalized_step_time; the text matters for the reward only::

    {"target": "reward", "evaluator": "PED-ANOVA", "candidates": 812,
     "values": {"stage1.operator": 0.31, ...},             # sum 1, highest first
     "problem": null}                         # or the reason why there is none

Other addresses:

- ``/`` is the page, ``/page/NAME`` its files; ``/?apart`` loads its modules one by one, to debug.
- ``/api/runs/<id>?after=VERSION`` is a RUN with the changes after a version, to be merged by
  ``number``; if ``whole`` is true, all rows were sent again.
- ``/api/events`` sends server-sent events ``changed`` with ``{"runs": {"0": VERSION, ...}}`` at the
  beginning and after each change.

Errors have status 400, 403, 404, 413 or 500 and the content ``{"problem": "..."}``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from results.dashboard.columns import Row, number, text, whole_number
from results.dashboard.facts import objective_of, reference_json
from results.dashboard.source import Source
from results.multiply_adds import RULE
from reward.objective import Objective
from search_space.bounds import OutOfBounds, read_json

_BENCH_NUMBERS = ("accuracy", "step_time_s", "images_per_s", "inference_time_s")
_BENCH_COUNTS = ("parameters", "multiply_adds", "peak_memory_bytes", "batch_size")
_TIMING_CONDITIONS = ("device", "batch_size", "image_size")


def page_data(
    sources: Sequence[Source],
    benches: Sequence[Mapping[str, Any]],
    mode: str,
    has_control: bool = False,
) -> dict[str, Any]:
    """Return the data of the whole page, except the details of candidates and the importance."""
    objective = initial_objective(sources)
    return {
        "mode": mode,
        "has_control": has_control,
        "generated_at": time.time(),
        "objective": objective.to_json(),
        "runs": [source.payload(i) for i, source in enumerate(sources)],
        "benches": _benches(sources, benches),
    }


def initial_objective(sources: Sequence[Source]) -> Objective:
    """Return the objective that the page starts from.

    It is the runs' own if all have the same one, and else the product with default exponents.
    """
    objectives = {objective_of(source.run.settings) for source in sources if source.run}
    return objectives.pop() if len(objectives) == 1 else Objective()


def _benches(
    sources: Sequence[Source], benches: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the networks that were benched, with their S/S0 in each run."""
    runs = []
    for source in sources:
        rows = source.rows()
        runs.append((rows, reference_json(source.run.space if source.run else None, rows)))
    return [
        {
            **bench,
            "normalized_step_time": [
                relative_step_time(bench, rows, reference) for rows, reference in runs
            ],
        }
        for bench in benches
    ]


class InvalidBenchFile(ValueError):
    """The file holds no rows of ``nas bench --json``; the message is one line."""


def read_benches(path: Path) -> list[dict[str, Any]]:
    """Read each row of the file as a BENCH, without ``normalized_step_time``, which needs a run.

    Raises:
        NoBench: the file is missing, or is not the output of ``nas bench --json``.
    """
    try:
        rows = _rows(read_json(path))
    except OSError as error:
        raise InvalidBenchFile(f"{path}: cannot be read ({error.strerror})") from error
    except OutOfBounds as error:
        raise InvalidBenchFile(f"{path}: {error}") from error
    except ValueError as error:
        raise InvalidBenchFile(f"{path}: not JSON ({error})") from error
    if not rows or not all(isinstance(row, dict) and row.get("name") for row in rows):
        raise InvalidBenchFile(f"{path}: holds no networks, must be the output of nas bench --json")
    return [_bench(row) for row in rows]


def relative_step_time(
    bench: Mapping[str, Any], rows: Sequence[Row], reference: Mapping[str, Any] | None
) -> float | None:
    """Return the S/S0 of a bench in a run; None if timed on another device, image or batch size."""
    timed = next((row for row in rows if row.get("device")), None)
    step_time_s, reference_s = bench["step_time_s"], reference and reference["step_time_s"]
    if timed is None or not step_time_s or not reference_s:
        return None
    if any(bench[key] != timed[key] for key in _TIMING_CONDITIONS):
        return None
    return float(step_time_s / reference_s)


def _rows(data: Any) -> Any:
    """Return the list itself, or the only list in an object; None if there is none."""
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        return lists[0] if len(lists) == 1 else None
    return data if isinstance(data, list) else None


def _bench(row: Mapping[str, Any]) -> dict[str, Any]:
    size = row.get("image_size")
    if row.get("multiply_adds_rule") != RULE:  # of an earlier release, which counted more
        row = {**row, "multiply_adds": None}
    return {
        "image_size": whole_number(size.get("train") if isinstance(size, dict) else size),
        "name": text(row["name"]),
        "device": text(row.get("device")),
        **{key: number(row.get(key)) for key in _BENCH_NUMBERS},
        **{key: whole_number(row.get(key)) for key in _BENCH_COUNTS},
    }
