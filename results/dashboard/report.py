"""The report: the dashboard's page with its data, scripts and styles in one HTML file."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from results.atomic import write_text
from results.dashboard.columns import to_json
from results.dashboard.facts import detail
from results.dashboard.importance import importances
from results.dashboard.modules import bundled
from results.dashboard.page_files import ENTRY, INDEX, SCRIPT_TAG, STYLE, STYLE_TAG, page_files
from results.dashboard.payload import initial_objective, page_data
from results.dashboard.security import policy
from results.dashboard.source import Source
from results.database import RecordError
from results.ranking import front, ranked
from reward.objective import Objective

MAX_DETAILS = 2000  # candidates per run, about 3 KB each
_CHARSET = '<meta charset="utf-8">'
_RUNS = re.compile(rb'<meta name="nas-runs" content="([^"]*)">')
_HEAD_BYTES = 4096  # in which the tag stands


def write_report(
    path: Path, sources: Sequence[Source], benches: Sequence[Mapping[str, Any]] = ()
) -> Path:
    """Read the runs and write the page, whole or not at all."""
    for source in sources:
        source.poll()
        while source.has_more:
            source.poll()
    page = _html(_data(sources, benches))
    return write_text(path, page.replace(_CHARSET, f"{_CHARSET}\n{_runs_tag(sources)}", 1))


def is_replaceable(path: Path, sources: Sequence[Source]) -> bool:
    """Return whether a report of these runs may take the place of what is at ``path``.

    That is so where there is nothing, and for an earlier report of some of these runs, or of all.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = _RUNS.search(file.read(_HEAD_BYTES))
    except FileNotFoundError:
        return True
    if found is None:
        return False
    before = set(html.unescape(found[1].decode(errors="replace")).split())
    return bool(before) and before <= _run_ids(sources)


def _run_ids(sources: Sequence[Source]) -> set[str]:
    """Return the ids of the runs that were read, without white space."""
    return {"_".join(source.run.place.run_id.split()) for source in sources if source.run}


def _runs_tag(sources: Sequence[Source]) -> str:
    ids = " ".join(sorted(_run_ids(sources))).encode(errors="replace").decode()
    return f'<meta name="nas-runs" content="{html.escape(ids)}">'


def _data(sources: Sequence[Source], benches: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    objective = initial_objective(sources)
    data = page_data(sources, benches, "report")
    return {
        **data,
        "runs": [{**run, "is_searching": False} for run in data["runs"]],  # a file shows one moment
        "details": {str(i): _details(source, objective) for i, source in enumerate(sources)},
        "importance": {
            str(i): importances(source.rows(), source.run.space if source.run else None, objective)
            for i, source in enumerate(sources)
        },
    }


def _details(source: Source, objective: Objective) -> dict[str, Any]:
    """Return all candidates; if they are too many, the front, the best and then the earliest."""
    run = source.run
    if run is None:
        return {}
    try:
        candidates = run.reader.candidates().candidates
    except RecordError:  # the page still shows the columns that were read, with a warning
        return {}
    if len(candidates) > MAX_DETAILS:
        best = [candidate for _, candidate in ranked(candidates, objective)]
        by_priority = {c.number: c for c in (*front(candidates), *best, *candidates)}
        candidates = sorted([*by_priority.values()][:MAX_DETAILS], key=lambda c: c.number)
    shown = [candidate for candidate in candidates if run.has(candidate.number)]
    return {str(c.number): detail(c, run.settings, run.place.run_id) for c in shown}


def _html(data: Mapping[str, Any]) -> str:
    """Return the page with its style and its modules inside, and the data before them."""
    files = page_files()
    style = _with_escaped_end_tags(f"\n{files[STYLE]}")
    script = _with_escaped_end_tags(f"\n{bundled(files, ENTRY)}")
    return (
        files[INDEX]
        .replace(_CHARSET, f"{_CHARSET}\n{_policy_tag(script, style)}", 1)
        .replace(STYLE_TAG, f"<style>{style}</style>")
        .replace(SCRIPT_TAG, f'{_data_tags(data)}<script type="module">{script}</script>')
    )


def _data_tags(data: Mapping[str, Any]) -> str:
    """Return the data, and apart from them what is read only once a candidate is opened."""
    parts = {"nas-data": {**data, "details": {}}, "nas-details": data["details"]}
    return "".join(
        f'<script type="application/gzip" id="{name}">{_packed(part)}</script>\n'
        for name, part in parts.items()
    )


def _packed(value: object) -> str:
    """Return JSON as gzip in base64, which cannot end the element that contains it."""
    return base64.b64encode(gzip.compress(to_json(value).encode(), mtime=0)).decode()


def _policy_tag(script: str, style: str) -> str:
    """Return the tag that allows only this script and this style, and no requests at all."""
    allowed = policy(
        script_src=_hash(script),
        style_src=_hash(style),
        img_src="data: blob:",
        connect_src="'none'",
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{allowed}">'


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _with_escaped_end_tags(text: str) -> str:
    """Return a script or style that cannot end the element that contains it."""
    return re.sub(r"</(script|style)", r"<\\/\1", text, flags=re.IGNORECASE)
