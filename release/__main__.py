"""`python -m release`: the version that a tag must have, its section of CHANGELOG.md, and manifests by digest."""

import argparse
import sys
from pathlib import Path

from manifests.rendering import RenderError
from release import manifests
from release.changelog import NoSection, section
from shared.version import VERSION

ROOT = Path(__file__).parent.parent


def main(arguments: list[str]) -> int:
    """0, and what was asked for on stdout; 1 with one line that says what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("version", help="check that TAG is the version's").add_argument("tag")
    commands.add_parser("notes", help="the version's section of CHANGELOG.md")
    rendering = commands.add_parser("manifests", help="each overlay as one file in FOLDER, with IMAGE in it")
    rendering.add_argument("image", help="NAME@sha256:...")
    rendering.add_argument("folder", type=Path)
    asked = parser.parse_args(arguments)
    try:
        if asked.command == "version":
            _print_version(asked.tag)
        elif asked.command == "notes":
            print(_notes())
        else:
            for path in manifests.write(ROOT / "knative" / "overlays", asked.image, asked.folder):
                print(path)
    except (NoSection, WrongTag, RenderError) as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


class WrongTag(Exception):
    """A tag that is not the version's."""


def _print_version(tag: str) -> None:
    if tag != f"v{VERSION}":
        raise WrongTag(f"the tag {tag} is not v{VERSION}, the version in shared/version.py")
    _notes()
    print(VERSION)


def _notes() -> str:
    return section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), VERSION)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
