"""Examples of both documents. Tests compare them with those of the reference documentation."""

import functools
import json
from importlib import resources
from typing import Any


def example(name: str, part: str) -> dict[str, Any] | None:
    """Return an example of an operation (`part` is "request" or a status) or of an event (`part` is "event")."""
    return _examples().get(name, {}).get(part)


@functools.cache
def _examples() -> dict[str, dict[str, dict[str, Any]]]:
    text = (resources.files("shared.openapi") / "examples.json").read_text(encoding="utf-8")
    examples: dict[str, dict[str, dict[str, Any]]] = json.loads(text)
    return examples
