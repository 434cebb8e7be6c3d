"""The house rules of docs/contributing/development.md that a program can check."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.markdown import ROOT

FILES = sorted((ROOT / "tests").rglob("*.py"))
# What tests may replace, since a process has only one of it, and why nothing is passed instead.
REPLACED = {
    "'time.sleep'": "tenacity and the client sleep by it",
    "urllib3.Retry, 'sleep'": "urllib3 sleeps by it, inside a whole command",
    "api, '_RETRIES'": "the same",
    "sys.modules['otel_worker_client.tracing'], 'propagate'": "a library that is not installed",
    "sys.modules['otel_worker_client.tracing'], 'trace'": "the same",
    "source_module, 'DEVICE_REFRESH'": "half a minute of waiting for a lock",
    "socket, 'getaddrinfo'": "names are looked up below every library",
    "provider, '_start_traces'": "telemetry is started once in a process",
    "provider, '_pipelines'": "the same",
}


def replaced(path: Path) -> Iterator[str]:
    """What each `monkeypatch.setattr` of the file replaces."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "monkeypatch.setattr":
            yield ", ".join(map(ast.unparse, node.args[:-1]))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_replace_only_what_a_process_has_one_of(path: Path) -> None:
    assert set(replaced(path)) <= set(REPLACED)
