"""The links of all pages, and the code blocks of some, run as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.nas.command_line import REPOSITORY

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[str, str]]:
    """Return language and text of a page's code blocks."""
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    return [(match[1], match[2]) for match in _BLOCK.finditer(text)]


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with the repository's code."""
    return subprocess.run(
        [sys.executable, *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "NAS_CACHE_DIR": str(folder / "cache")},
        timeout=500,
    )


def test_the_blocks_on_python_run_in_their_order(tmp_path: Path) -> None:
    code = [text for language, text in blocks("python.md") if language == "python"]
    assert len(code) >= 7
    # As one script, without a guard: Ray's workers must not run it again.
    script = tmp_path / "session.py"
    script.write_text("\n".join(code) + "\nprint('the end', len(run.candidates()))\n")
    done = run(tmp_path, str(script))
    assert done.returncode == 0, done.stderr
    assert "% of 397 test images" in done.stdout
    assert "--space: got 'smal', must be one of small," in done.stdout
    assert done.stdout.endswith("the end 1\n")
    assert done.stdout.count("space    small: ") == 2  # of the search and of its resumption


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of docs/extending.md."""
    folder = tmp_path_factory.mktemp("mine")
    written = []
    for _, text in blocks("extending.md"):
        if match := re.match(r"# (mine/\w+\.py|\w+\.yaml)\n", text):
            path = folder / match[1]
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            written.append(match[1])
    assert len(written) == 8
    return folder


def test_all_that_is_extended_works_together(mine: Path) -> None:
    done = run(
        mine, "-m", "nas", "search", "--in-process", "--budget", "3", "--epochs", "1",
        "--data", "mine.data:quarters", "--space", "plain.yaml", "--import", "mine.blocks",
        "--metric", "mine.metrics:worst_class", "--reward", "mine.rewards:quick",
        "--recipe", "mine.recipes:gentle", "--sampler", "mine.samplers:Mine", "--out", "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "recipe   mine.recipes:gentle: 1 epoch" in done.stdout
    assert "winner: run/best.json" in done.stdout
    done = run(mine, "-m", "nas", "results", "run", "--import", "mine.rewards")
    assert done.returncode == 0, done.stderr


def test_the_space_is_also_a_function(mine: Path) -> None:
    done = run(mine, "-m", "nas", "show", "--space", "mine.spaces:tiny", "--import", "mine.blocks")
    assert done.returncode == 0, done.stderr
    assert "mine.blocks:plain" in done.stdout or "plain" in done.stdout


def test_every_command_of_the_page_is_one_with_these_options() -> None:
    help_of: dict[str, str] = {}
    for language, text in blocks("extending.md"):
        for line in text.splitlines() if language == "" else ():
            command, options = line.split()[1], re.findall(r"--[a-z-]+", line)
            if command not in help_of:
                help_of[command] = run(REPOSITORY, "-m", "nas", command, "--help").stdout
            assert all(option in help_of[command] for option in options), line


def text_of(path: Path) -> str:
    """Return a page without its code blocks."""
    return _BLOCK.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page, by GitHub's rule for headings."""
    page = text_of(path)
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", heading)) for heading in headings]
    slugs = {text.strip().lower().replace(" ", "-") for text in words}
    return slugs | set(re.findall(r'<a id="([^"]+)"', page))


PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    REPOSITORY / "benchmarks" / "README.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", text_of(page))
    for link in (link for link in links if not link.startswith(("http:", "https:"))):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_claim_has_all_columns_and_the_readme_leads_to_them() -> None:
    page = (REPOSITORY / "docs" / "evidence.md").read_text(encoding="utf-8")
    _, _, table = page.partition("| claim |")
    rows = [line for line in table.splitlines()[1:] if line.startswith("|")]
    assert len(rows) > 50
    assert {row.count("|") for row in rows} == {7}
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert readme.count("(docs/evidence.md)") >= 2
