"""What the documents say about settings, commands, files and one another is so."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from shared.config.settings import Settings
from shared.telemetry.provider import _DEFAULTS
from tests.contract.markdown import ROOT, anchors, pages, rows

LONGEST_FILE = 300
DEFAULTS = {name: field.default for name, field in Settings.model_fields.items()}


def test_every_setting_is_in_the_readme_with_its_default() -> None:
    table = {name: default for name, default, _ in rows("README.md", ["name", "default", "meaning"])}
    assert table == {name: "\N{EN DASH}" if default is None else str(default) for name, default in DEFAULTS.items()}


def test_every_setting_has_a_meaning_and_its_default_in_the_example_of_an_environment() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    shown, meant = {}, set()
    for above, line in zip(["", *lines], lines, strict=False):
        if line.startswith("#OTEL_"):
            continue
        if found := re.fullmatch(r"(#?)([A-Z0-9_]+)=(.*)", line):
            shown[found[2]] = None if found[1] else found[3]
            assert not (found[1] and found[3]), f"{found[2]} has no default"
        if found and above:
            meant.add(found[2])
    assert shown == {name: None if default is None else str(default) for name, default in DEFAULTS.items()}
    assert meant >= set(DEFAULTS) - {"HOME_LONGITUDE"}  # it shares a line with the latitude


def test_settings_of_opentelemetry_are_the_same_in_the_guide_and_in_the_example_of_an_environment() -> None:
    guide = rows("docs/observability.md", ["variable", "default", "meaning"])
    told = {name.strip("`"): default for names, default, _ in guide for name in names.split(", ")}
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    shown = dict(line[1:].split("=", 1) for line in lines if line.startswith("#OTEL_"))
    assert set(told) == set(shown)
    for name, default in _DEFAULTS.items():
        assert told[name] == shown[name] == default


def test_no_setting_has_a_secret_or_an_unknown_for_default() -> None:
    assert not [name for name, default in DEFAULTS.items() if isinstance(default, SecretStr)]
    assert PydanticUndefined not in DEFAULTS.values()


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_checkout_leads_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        linked = (page.parent / target).resolve() if target else page
        assert linked.is_relative_to(ROOT), f"{target} leads out of the checkout"
        assert linked.exists(), f"{target} is not there"
        assert not anchor or anchor in anchors(linked), f"{target} has no #{anchor}"


def test_every_command_that_a_document_names_is_one_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    text = "\n".join(page.read_text(encoding="utf-8") for page in (*pages(), *workflows))
    named = set(re.findall(r"(?:`|^|run: )make ([a-z][a-z-]*)", text, re.MULTILINE))
    assert {"demo", "test", "check", "up", "help"} <= named
    assert named <= targets


def test_no_file_is_longer_than_a_reader_likes() -> None:
    rooms = (
        "functions",
        "shared",
        "admin",
        "client",
        "local",
        "tests",
        "benchmarks",
        "tools",
        "docs",
        "knative",
        "observability",
    )
    files = [path for room in rooms for path in (ROOT / room).rglob("*") if path.suffix in (".py", ".md", ".yaml")]
    files += [*ROOT.glob("*.py"), *ROOT.glob("*.md"), ROOT / "Makefile"]
    lines = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n") for path in files}
    assert not {path: count for path, count in lines.items() if count > LONGEST_FILE}
