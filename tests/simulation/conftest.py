"""Runs seeds and planted bugs in the background, while the other tests mostly wait for servers."""

import os
import subprocess
import sys
import tempfile
from typing import IO

import psutil
import pytest

from tests.contract.markdown import ROOT

SEEDS, SEEDS_PER_BUG = 10_000, 3_000
_NICENESS = 19
_BACKGROUND_ARGUMENTS = {  # by the fixture that waits for the result
    "ten_thousand": ("--seeds", f"0-{SEEDS - 1}"),
    "planted_bugs": ("--bugs", "--seeds", f"0-{SEEDS_PER_BUG - 1}"),
}
_started: dict[str, tuple["subprocess.Popen[str]", IO[str]]] = {}


def command(*arguments: str, hash_seed: str = "random") -> tuple[list[str], dict[str, str]]:
    """Return the simulation's command line and environment, without coverage, which is too slow for the seeds."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("COV")}
    return [sys.executable, "-m", "tests.simulation", *arguments], {
        **environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": hash_seed,
    }


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the commands that the collected tests need."""
    if session.config.option.collectonly:
        return
    fixtures = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    for fixture in _BACKGROUND_ARGUMENTS.keys() & fixtures:
        command_line, environ = command(*_BACKGROUND_ARGUMENTS[fixture])
        output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - open until the session ends
        process = subprocess.Popen(
            command_line, cwd=ROOT, env=environ, stdout=output, stderr=subprocess.STDOUT, text=True
        )
        psutil.Process(process.pid).nice(_NICENESS)
        _started[fixture] = process, output


def pytest_sessionfinish() -> None:
    """Stop the commands."""
    for process, output in _started.values():
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
        process.wait()
        output.close()


def _wait_for(fixture: str) -> tuple[int, str]:
    process, output = _started[fixture]
    code = process.wait(900)
    output.seek(0)
    return code, output.read()


@pytest.fixture
def ten_thousand() -> tuple[int, str]:
    """Return exit status and output of ten thousand seeds."""
    return _wait_for("ten_thousand")


@pytest.fixture
def planted_bugs() -> tuple[int, str]:
    """Return exit status and output of the planted bugs."""
    return _wait_for("planted_bugs")
