"""Seeds and planted bugs take minutes of a processor, other tests mostly wait: so the former run beside the latter."""

import os
import subprocess
import sys
import tempfile
from typing import IO

import psutil
import pytest

from tests.contract.markdown import ROOT

SEEDS, SEEDS_A_BUG = 10_000, 3_000
_BEHIND = 19  # whoever else wants the processor has it
_BESIDE = {  # by the fixture that waits for it
    "ten_thousand": ("--seeds", f"0-{SEEDS - 1}"),
    "planted_bugs": ("--bugs", "--seeds", f"0-{SEEDS_A_BUG - 1}"),
}
_started: dict[str, tuple["subprocess.Popen[str]", IO[str]]] = {}


def command(*words: str, hash_seed: str = "random") -> tuple[list[str], dict[str, str]]:
    """The package's own command and its environment; without coverage, which would take longer than the seeds."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("COV")}
    return [sys.executable, "-m", "simulation", *words], {
        **environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": hash_seed,
    }


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start what a test is going to ask for."""
    if session.config.option.collectonly:
        return
    wanted = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    for fixture in _BESIDE.keys() & wanted:
        words, environ = command(*_BESIDE[fixture])
        output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it outlives this hook
        process = subprocess.Popen(words, cwd=ROOT, env=environ, stdout=output, stderr=subprocess.STDOUT, text=True)
        psutil.Process(process.pid).nice(_BEHIND)
        _started[fixture] = process, output


def pytest_sessionfinish() -> None:
    """Whatever became of the session, nothing stays."""
    for process, output in _started.values():
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
        process.wait()
        output.close()


def _ended(fixture: str) -> tuple[int, str]:
    process, output = _started[fixture]
    code = process.wait(900)
    output.seek(0)
    return code, output.read()


@pytest.fixture
def ten_thousand() -> tuple[int, str]:
    """How they ended, and what they said."""
    return _ended("ten_thousand")


@pytest.fixture
def planted_bugs() -> tuple[int, str]:
    """The same of the bugs."""
    return _ended("planted_bugs")
