"""The page's modules: their own tests, and how a report puts them into one script."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from results.dashboard.modules import UnsupportedModule, bundled, in_order
from results.dashboard.page_files import ENTRY, page_files

_TESTS = Path(__file__).parent / "page"


@pytest.fixture
def node() -> str:
    """Return the program; without it the tests are skipped, but fail on CI."""
    program = shutil.which("node")
    if program is None:
        stop = pytest.fail if os.environ.get("CI") else pytest.skip
        stop("needs node: apt install nodejs")
    return program


def test_the_modules_own_tests_pass(node: str) -> None:
    files = sorted(map(str, _TESTS.glob("*.test.js")))
    assert files
    done = subprocess.run([node, "--test", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_is_used_and_none_is_circular() -> None:
    modules = {name for name in page_files() if name.endswith(".js")}
    assert set(in_order(page_files(), ENTRY)) == modules


def test_a_bundle_does_what_its_modules_do(node: str) -> None:
    modules = {
        "main.js": 'import * as a from "./a.js";\n'
        'import {\n  one as first,\n  Two,\n} from "./b.js";\n'
        "console.log(a.sum(first, Two), a.name);\n",
        "a.js": 'import { one } from "./b.js";\n\nexport const name = `a${one}`;\n'
        "export function sum(x, y) {\n  return hidden(x) + y;\n}\nconst hidden = (x) => x;\n",
        "b.js": "console.log('b');\nexport const one = 1;\nexport const Two = 2;\n",
    }
    script = bundled(modules, "main.js")
    done = subprocess.run([node, "-"], input=script, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["b", "3", "a1"]


@pytest.mark.parametrize(
    ("modules", "problem"),
    [
        ({"main.js": 'import { a } from "./a.js";\n'}, "main.js: no module a.js"),
        ({}, "the page: no module main.js"),
        (
            {
                "main.js": 'import { a } from "./a.js";\n',
                "a.js": 'import { b } from "./main.js";\nexport const a = 1;\n',
            },
            "circular imports: main.js > a.js > main.js",
        ),
        ({"main.js": 'import a from "elsewhere";\n'}, 'main.js: import a from "elsewhere";'),
        ({"main.js": "export default 3;\n"}, "main.js: export default 3;"),
        ({"main.js": "export let count = 0;\n"}, "main.js: export let count = 0;"),
    ],
)
def test_what_a_report_cannot_hold_is_an_error(modules: dict[str, str], problem: str) -> None:
    with pytest.raises(UnsupportedModule) as error:
        bundled(modules, "main.js")
    assert str(error.value) == problem
