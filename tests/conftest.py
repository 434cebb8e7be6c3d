"""Isolate the tests from the environment of the shell, and order and distribute them."""

import os
import re
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import settings

from local import environment
from local.install import CERTIFICATES

# pip is called by tests with an environment of its own; pytest sets PYTEST_ variables itself.
_PASSED_THROUGH = re.compile(r"(TEST|PIP|PYTEST)_[A-Z_]+|PYTHONPATH|PYTHONUTF8")


def isolated_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that tests receive: no settings, no telemetry, nothing of other projects."""
    parts = environment.component_environment(environ)
    return {
        **{name: text for name, text in parts.items() if not name.startswith("OTEL_")},
        **{name: text for name, text in environ.items() if _PASSED_THROUGH.fullmatch(name)},
        **{name: environ[name] for name in CERTIFICATES if name in environ and Path(environ[name]).exists()},
        **environment.NO_AWS_FILES,
    }


def _apply() -> None:
    variables = isolated_environment(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()


_TESTS = Path(__file__).parent
_FIRST = ("simulation", "integration")  # levels with the longest tests: started last, they would end alone


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        level = item.path.relative_to(_TESTS).parts[0]
        return _FIRST.index(level) if level in _FIRST else len(_FIRST)

    items.sort(key=rank)


def pytest_xdist_auto_num_workers() -> int:
    """Return the number of workers for `--numprocesses auto`: more than cores, since most integration tests wait."""
    return min(8, max(4, 2 * (os.cpu_count() or 1)))


# A busy machine may take any time for an example. In CI every run has the same examples.
settings.register_profile("tests", deadline=None, derandomize="CI" in os.environ, print_blob=True)
settings.load_profile("tests")
_apply()  # before the tests' modules are imported: some read the environment then
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with SIGINT ignored
