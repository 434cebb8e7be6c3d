"""The rules of docs/contributing/development.md that can be checked automatically."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.markdown import ROOT

FILES = sorted((ROOT / "tests").rglob("*.py"))
# Process-wide objects that tests may replace, and why they cannot be injected instead.
ALLOWED = {
    "'time.sleep'": "tenacity and the client call it to sleep",
    "urllib3.Retry, 'sleep'": "urllib3 calls it to sleep, inside a whole command",
    "api, 'RETRIES'": "urllib3 sleeps between retries, inside a whole command",
    "sys.modules['otel_worker_client.tracing'], 'propagate'": "a library that is not installed",
    "sys.modules['otel_worker_client.tracing'], 'trace'": "a library that is not installed",
    "source_module, 'DEVICE_REFRESH'": "the lock timeout is half a minute",
    "socket, 'getaddrinfo'": "every library resolves names with it",
    "provider, '_start_traces'": "telemetry starts once per process",
    "provider, '_pipelines'": "telemetry starts once per process",
}


def replaced_attributes(path: Path) -> Iterator[str]:
    """Yield the target of each `monkeypatch.setattr` in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "monkeypatch.setattr":
            yield ", ".join(map(ast.unparse, node.args[:-1]))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_monkeypatch_replaces_only_process_wide_objects(path: Path) -> None:
    assert set(replaced_attributes(path)) <= set(ALLOWED)
