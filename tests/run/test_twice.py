"""What fails beside others is asked once more, alone: it fails again, or is named as what it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FINE = "def test_fine(): pass\n"
UNLUCKY = """
import pathlib

def test_unlucky():
    seen = pathlib.Path("seen")
    before, _ = seen.exists(), seen.touch()
    assert before
"""
WRONG = "def test_wrong(): assert not 'right'\n"
ALL_WRONG = "import pytest\n\n@pytest.mark.parametrize('n', range(9))\ndef test_wrong(n): assert not 'right'\n"


def of(folder: Path, text: str) -> tuple[int, str]:
    """The exit code of a suite with this file, and what was said."""
    (folder / "test_fine.py").write_text(FINE)
    (folder / "test_other.py").write_text(text)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}
    command = [sys.executable, "-m", "tests.twice", "-q", "-p", "no:django"]
    environment = clean | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100)
    return done.returncode, done.stdout


def test_what_passes_alone_is_named(tmp_path):
    code, said = of(tmp_path, UNLUCKY)
    first, _, again = said.partition("Failed beside others: 1")
    assert code == 0 and "1 failed, 1 passed" in first
    assert "PASSED test_other.py::test_unlucky" in again and "test_fine" not in again
    assert said.rstrip().endswith("somebody should mend it.")


@pytest.mark.parametrize(("text", "runs"), [(WRONG, 2), (ALL_WRONG, 1), ("def broken(", 2)])
def test_what_is_wrong_fails_and_many_failures_at_once(tmp_path, text, runs):
    code, said = of(tmp_path, text)
    assert code != 0 and "PASSED ALONE" not in said
    assert ("Once more, alone" in said) == (runs == 2)


def test_a_suite_that_passes_runs_once(tmp_path):
    code, said = of(tmp_path, FINE)
    assert code == 0 and "alone" not in said.lower()
