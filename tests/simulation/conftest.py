"""Ten thousand seeds take minutes of a processor, other tests mostly wait: so the seeds run beside them."""

import os
import subprocess
import sys
import tempfile
from typing import IO

import psutil
import pytest

from tests.contract.markdown import ROOT

SEEDS = 10_000
_BEHIND = 19  # whoever else wants the processor has it
_started: list[tuple["subprocess.Popen[str]", IO[str]]] = []


def command(*words: str, hash_seed: str = "random") -> tuple[list[str], dict[str, str]]:
    """The package's own command and its environment; without coverage, which would take longer than the seeds."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("COV")}
    return [sys.executable, "-m", "simulation", *words], {
        **environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": hash_seed,
    }


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start them, if a test is going to ask for them."""
    wanted = any("ten_thousand" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and not session.config.option.collectonly:
        words, environ = command("--seeds", f"0-{SEEDS - 1}")
        output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it outlives this hook
        process = subprocess.Popen(words, cwd=ROOT, env=environ, stdout=output, stderr=subprocess.STDOUT, text=True)
        psutil.Process(process.pid).nice(_BEHIND)
        _started.append((process, output))


def pytest_sessionfinish() -> None:
    """Whatever became of the session, nothing stays."""
    for process, output in _started:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
        process.wait()
        output.close()


@pytest.fixture
def ten_thousand() -> tuple[int, str]:
    """How they ended, and what they said."""
    ((process, output),) = _started
    code = process.wait(900)
    output.seek(0)
    return code, output.read()
