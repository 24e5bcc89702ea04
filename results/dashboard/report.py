"""The report: the dashboard's page with its data inside, one file that needs nothing else."""

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
from results.dashboard.page_files import INDEX, page_files, plotly_js
from results.dashboard.payload import page_data
from results.dashboard.security import policy
from results.dashboard.source import Source
from results.database import RecordError
from results.ranking import front, ranked
from reward.objective import Objective

MOST_DETAILS = 2000  # candidates a run, some 3 KB each
_STYLE = re.compile(r'<link rel="stylesheet" href="page/([\w.-]+)">')
_SCRIPT = re.compile(r'<script src="(?:page/)?([\w.-]+)"></script>')
_PRELOAD = '<link rel="preload" href="plotly.js" as="script">\n'
_CHARSET = '<meta charset="utf-8">'


def write_report(
    path: Path, sources: Sequence[Source], benches: Sequence[Mapping[str, Any]] = ()
) -> Path:
    """Reads the RUNs and writes the page, 5 MB and more, whole or not at all."""
    for source in sources:
        source.poll()
        while source.has_more:
            source.poll()
    return write_text(path, _page(_data(sources, benches)))


def _data(sources: Sequence[Source], benches: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    objective = Objective()
    data = page_data(sources, benches, "report")
    return {
        **data,
        "runs": [{**run, "is_searching": False} for run in data["runs"]],  # a file does not go on
        "details": {str(i): _details(source, objective) for i, source in enumerate(sources)},
        "importance": {
            str(i): importances(source.rows(), source.run.space if source.run else None, objective)
            for i, source in enumerate(sources)
        },
    }


def _details(source: Source, objective: Objective) -> dict[str, Any]:
    """All candidates; of more than fit, the front, the best and then the earliest."""
    run = source.run
    if run is None:
        return {}
    try:
        candidates = run.reader.candidates().candidates
    except RecordError:  # what was read before is shown, with a warning
        return {}
    if len(candidates) > MOST_DETAILS:
        best = [candidate for _, candidate in ranked(candidates, objective)]
        wanted = {c.number: c for c in (*front(candidates), *best, *candidates)}
        candidates = sorted([*wanted.values()][:MOST_DETAILS], key=lambda c: c.number)
    known = [candidate for candidate in candidates if run.has(candidate.number)]
    return {str(c.number): detail(c, run.settings, run.place.run_id) for c in known}


def _page(data: Mapping[str, Any]) -> str:
    """The page with each of its files in the place of the tag that names it."""
    texts = {**page_files(), "plotly.js": plotly_js()}
    texts = {name: _ended_by_nothing(text) for name, text in texts.items()}
    index = page_files()[INDEX].replace(_PRELOAD, "")
    index = index.replace("</body>", '<script src="plotly.js"></script>\n</body>')
    scripts = [texts[name] for name in _SCRIPT.findall(index)]
    page = _STYLE.sub(lambda tag: f"<style>\n{texts[tag[1]]}</style>", index)
    begin, first, rest = _parted(page)
    rest = _SCRIPT.sub(lambda tag: f"<script>{texts[tag[1]]}</script>", first + rest)
    inside = f'<script type="application/json" id="nas-data">{for_script(data)}</script>\n'
    return begin.replace(_CHARSET, f"{_CHARSET}\n{_policy(scripts)}", 1) + inside + rest


def _parted(page: str) -> tuple[str, str, str]:
    """What is before the first script, that script's tag, and the rest."""
    first = _SCRIPT.search(page)
    assert first is not None
    return page[: first.start()], first[0], page[first.end() :]


def _policy(scripts: Sequence[str]) -> str:
    """Lets these scripts run and no others, and lets nothing be fetched."""
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    allowed = policy(
        script_src=hashes,
        style_src="'unsafe-inline'",
        img_src="data: blob:",
        connect_src="'none'",
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{allowed}">'


def _ended_by_nothing(text: str) -> str:
    """The text such that it cannot end the element that it stands in."""
    return re.sub(r"</(script|style)", r"<\\/\1", text, flags=re.IGNORECASE)
