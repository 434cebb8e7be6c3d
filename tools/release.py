"""`python -m tools.release`: check the tag of a release and print its notes. Uses only the standard library."""

import argparse
import re
import sys
from pathlib import Path

from shared.version import VERSION

CHANGELOG = Path(__file__).resolve().parent.parent / "CHANGELOG.md"


class ReleaseError(Exception):
    """A tag or a changelog that does not match the version."""


def main(arguments: list[str]) -> int:
    """Run a command. Return 1 with one line on stderr if the release is not consistent."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.release", description="Check the tag of a release, print its notes."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("version", help="print the version, if TAG is its tag").add_argument("tag")
    commands.add_parser("notes", help="print the version's section of CHANGELOG.md")
    options = parser.parse_args(arguments)
    try:
        if options.command == "version":
            check_tag(options.tag)
        notes = changelog_section(CHANGELOG.read_text(encoding="utf-8"), VERSION)
    except ReleaseError as exc:
        print(exc, file=sys.stderr)
        return 1
    print(VERSION if options.command == "version" else notes)
    return 0


def check_tag(tag: str) -> None:
    """Raise ReleaseError unless `tag` is the tag of the version."""
    if tag != f"v{VERSION}":
        raise ReleaseError(f"the tag {tag} is not v{VERSION}, the version in shared/version.py")


def changelog_section(text: str, version: str) -> str:
    """Return the text under `## VERSION` or `## [VERSION] - DATE`, or raise ReleaseError."""
    section = re.search(
        rf"^## \[?{re.escape(version)}\]?(?: [^\n]*)?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
    )
    if section is None or not section[1].strip():
        raise ReleaseError(f"CHANGELOG.md has no section for {version}")
    return section[1].strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
