"""The notebook of the docs, executed in a kernel of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nas.command_line import REPOSITORY

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")


def test_the_notebook_runs_from_arrays_to_an_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    notebook = nbformat.read(REPOSITORY / "docs" / "digits.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # they would name this machine
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=500, resources=resources).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = [output["data"] for output in outputs if "data" in output]
    bars = [data["text/plain"] for data in shown if "[####" in data.get("text/plain", "")]
    assert len(bars) == 1  # one bar, which was drawn anew
    assert "4 of 4" in bars[0]
    assert any("application/vnd.plotly.v1+json" in data for data in shown)
    printed = "".join(output.get("text", "") for output in outputs)
    assert "of 397 test images" in printed
    assert "candidate 0: complete" not in printed  # the bar stands for these lines
    assert (tmp_path / "digits.py").is_file()
