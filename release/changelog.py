"""The sections of CHANGELOG.md, as Keep a Changelog has them."""

import re


class NoSection(Exception):
    """A version that CHANGELOG.md says nothing of."""


def section(text: str, version: str) -> str:
    """What stands under `## VERSION` or `## [VERSION] - DATE`, or NoSection."""
    found = re.search(rf"^## \[?{re.escape(version)}\]?(?: [^\n]*)?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None or not found[1].strip():
        raise NoSection(f"CHANGELOG.md has no section for {version}")
    return found[1].strip()
