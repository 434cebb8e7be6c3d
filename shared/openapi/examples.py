"""Examples for both documents: those of docs/api.md, its page on health and docs/events.md; tests hold them to it."""

import functools
import json
from importlib import resources
from typing import Any


def example(name: str, of: str) -> dict[str, Any] | None:
    """That of an operation's answer (its status), of its request ("request"), or of an event ("event")."""
    return _every().get(name, {}).get(of)


@functools.cache
def _every() -> dict[str, dict[str, dict[str, Any]]]:
    text = (resources.files("shared.openapi") / "examples.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, dict[str, Any]]] = json.loads(text)
    return found
