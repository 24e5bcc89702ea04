"""The report: the dashboard's page with its data, scripts and styles in one HTML file."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from results.atomic import write_text
from results.dashboard.columns import for_script
from results.dashboard.facts import detail
from results.dashboard.importance import importances
from results.dashboard.modules import bundled
from results.dashboard.page_files import ENTRY, INDEX, SCRIPT_TAG, page_files, plotly_js
from results.dashboard.payload import initial_objective, page_data
from results.dashboard.security import policy
from results.dashboard.source import Source
from results.database import RecordError
from results.ranking import front, ranked
from reward.objective import Objective

MAX_DETAILS = 2000  # candidates per run, about 3 KB each
_STYLE = re.compile(r'<link rel="stylesheet" href="page/([\w.-]+)">')
_PRELOAD = '<link rel="preload" href="plotly.js" as="script">\n'
_CHARSET = '<meta charset="utf-8">'


def write_report(
    path: Path, sources: Sequence[Source], benches: Sequence[Mapping[str, Any]] = ()
) -> Path:
    """Read the runs and write the page, whole or not at all; it has 5 MB and more."""
    for source in sources:
        source.poll()
        while source.has_more:
            source.poll()
    return write_text(path, _html(_data(sources, benches)))


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
    script = _with_escaped_end_tags(bundled(files, ENTRY))
    library = _with_escaped_end_tags(plotly_js())
    style = _STYLE.sub(
        lambda tag: f"<style>\n{_with_escaped_end_tags(files[tag[1]])}</style>",
        files[INDEX].replace(_PRELOAD, ""),
    )
    head, tail = style.replace(_CHARSET, f"{_CHARSET}\n{_policy_tag([script, library])}", 1).split(
        SCRIPT_TAG
    )
    data_tag = f'<script type="application/json" id="nas-data">{for_script(data)}</script>\n'
    scripts = f'<script type="module">{script}</script>\n<script>{library}</script>'
    return head + data_tag + scripts + tail


def _policy_tag(scripts: Sequence[str]) -> str:
    """Return the tag that allows only these scripts to run, and no requests at all."""
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    allowed = policy(
        script_src=hashes,
        style_src="'unsafe-inline'",
        img_src="data: blob:",
        connect_src="'none'",
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{allowed}">'


def _with_escaped_end_tags(text: str) -> str:
    """Return a script or style that cannot end the element that contains it."""
    return re.sub(r"</(script|style)", r"<\\/\1", text, flags=re.IGNORECASE)
