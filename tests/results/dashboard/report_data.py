"""What a written report says, read back."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any


def data_of(report: Path) -> Any:
    """Return the data that stand in a report, with the details in their place."""
    page = report.read_text(encoding="utf-8")
    parts = {
        name: json.loads(gzip.decompress(base64.b64decode(packed)))
        for name, packed in re.findall(r'id="(nas-\w+)">(.*?)</script>', page)
    }
    return {**parts["nas-data"], "details": parts["nas-details"]}
