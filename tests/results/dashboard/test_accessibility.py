"""The page in the eyes of axe-core: no serious finding, narrow and wide, light and dark.

axe-core (Deque, MPL-2.0) comes with the page's other tools from npm, and is not installed with the
product.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from tests.results.dashboard.conftest import Visit

AXE = Path(sys.prefix) / "npm" / "node_modules" / "axe-core" / "axe.min.js"
VIEWS = (
    "view=plot",
    "view=table",
    "view=parallel&limit.stage2.operator=1~",
    "view=matters",
    "view=progress",
    "view=plot&selected=0:3+0:7",
)
_RUN = """async () => {
    const found = await axe.run(document, { resultTypes: ["violations"] });
    const grave = ["serious", "critical"];
    const serious = found.violations.filter(({ impact }) => grave.includes(impact));
    return {
        rules: found.passes.length,
        serious: serious.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)}`),
    };
}"""


@pytest.fixture(scope="module")
def axe() -> str:
    """Return axe-core's script; without npm the tests are skipped, but fail on CI."""
    if not AXE.is_file():
        stop = pytest.fail if os.environ.get("CI") and shutil.which("npm") else pytest.skip
        stop("needs axe-core: make check installs it with npm")
    return AXE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("width", "scheme"), [(390, "light"), (768, "dark"), (1024, "light"), (1440, "dark")]
)
def test_no_view_has_a_serious_finding(
    axe: str,
    made: Path,
    serve: Callable[..., str],
    visit: Callable[..., Visit],
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    visited = visit(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = visited.open(f"{serve(made)}?token=x")
    page.add_script_tag(content=axe)
    for view in VIEWS:
        page.evaluate("view => { location.hash = view }", view)
        page.wait_for_timeout(500)
        found = page.evaluate(_RUN)
        assert found["rules"] > 10, view
        assert found["serious"] == [], view
