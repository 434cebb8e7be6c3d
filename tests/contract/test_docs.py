"""The documentation matches the settings, commands and files, and its links resolve."""

import re
from collections.abc import Iterator
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # it ships no types, and one call needs no stubs

from shared.config.types import Secret
from shared.telemetry.provider import _DEFAULTS
from tests.cluster.__main__ import CHECKS
from tests.contract.markdown import ROOT, anchors, code_paths, pages, rows
from tools.docs.__main__ import GENERATORS, PATHS
from tools.docs.regions import find_outdated
from tools.docs.settings import FIELDS

LONGEST_FILE, LONGEST_LINE = 300, 120
CODE = ("functions", "shared", "admin", "client", "local", "tests", "benchmarks", "tools")
SITE = sorted((ROOT / "docs").rglob("*.md"))
DEFAULTS = {name: field.default for name, field in FIELDS.items()}

TEST_NAMES = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
}


def test_settings_reference_lists_every_setting_with_default_and_meaning() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    table_rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (.*?) \| (.+) \|$", text, re.MULTILINE)
    table = {name: default for name, default, meaning in table_rows if meaning and name in DEFAULTS}
    assert table == {name: "\N{EN DASH}" if default is None else str(default) for name, default in DEFAULTS.items()}


def test_env_example_describes_every_setting_with_its_default() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    shown, described = {}, set()
    for above, line in zip(["", *lines], lines, strict=False):
        if line.startswith("#OTEL_"):
            continue
        if match := re.fullmatch(r"(#?)([A-Z0-9_]+)=(.*)", line):
            shown[match[2]] = None if match[1] else match[3]
            assert not (match[1] and match[3]), f"{match[2]} has no default"
        if match and above:
            described.add(match[2])
    assert shown == {name: None if default is None else str(default) for name, default in DEFAULTS.items()}
    assert described >= set(DEFAULTS)


def test_opentelemetry_settings_are_equal_in_reference_and_env_example() -> None:
    table = rows("docs/reference/settings.md", ["variable", "default", "meaning"])
    documented = {name.strip("`"): default for names, default, _ in table for name in names.split(", ")}
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    shown = dict(line[1:].split("=", 1) for line in lines if line.startswith("#OTEL_"))
    assert set(documented) == set(shown)
    for name, default in _DEFAULTS.items():
        assert documented[name] == shown[name] == default


def test_no_default_is_secret_or_undefined() -> None:
    assert not [name for name, default in DEFAULTS.items() if isinstance(default, Secret)]
    assert MISSING not in DEFAULTS.values()


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_repository_resolve(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        linked = (page.parent / target).resolve() if target else page
        assert linked.is_relative_to(ROOT), f"{target} is outside the repository"
        assert linked.exists(), f"{target} does not exist"
        assert not anchor or anchor in anchors(linked), f"{target} has no #{anchor}"


@pytest.mark.parametrize(
    "page",
    [page for page in pages() if page.name != "otel-demo.md"],  # it names the paths of another repository
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_paths_that_a_page_names_exist(page: Path) -> None:
    assert not [path for path in code_paths(page) if not any(ROOT.glob(path.rstrip("/")))]


@pytest.mark.parametrize(
    "page",
    [page for page in SITE if page.name != "otel-demo.md"],  # it names the files of another repository
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_python_files_that_a_site_page_names_are_in_backquotes_and_exist(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)", "", text)
    assert not re.findall(r"[\w./-]+\.py\b", prose), "a name outside backquotes is not checked"
    names = set(re.findall(r"`([\w-]+\.py)`", text))
    assert names <= {path.name for folder in CODE for path in (ROOT / folder).rglob("*.py")}


def nav_pages(node: Any) -> Iterator[str]:
    """Yield the pages that the navigation of the site lists."""
    if isinstance(node, str):
        yield node
    else:
        for child in node.values() if isinstance(node, dict) else node:
            yield from nav_pages(child)


def test_site_navigation_lists_every_page_once() -> None:
    listed = list(nav_pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))
    assert sorted(listed) == sorted(str(page.relative_to(ROOT / "docs")) for page in SITE)


@pytest.mark.parametrize("page", SITE, ids=lambda page: str(page.relative_to(ROOT)))
def test_site_pages_link_only_to_site_pages(page: Path) -> None:
    """The site has no pages for other files of the repository, so pages name their paths in backquotes."""
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert re.match(r"https?:", target) or (page.parent / target).resolve().is_relative_to(ROOT / "docs")


@pytest.mark.parametrize("page", [*SITE, ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_lines_of_prose_have_at_most_120_characters(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert not [line for line in prose.splitlines() if len(line) > LONGEST_LINE and not line.startswith("|")]


def packages(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the folders with Python modules below `folder`, down to `depth`."""
    for child in folder.iterdir():
        if depth and child.is_dir() and any(child.glob("*.py")):
            yield child
            yield from packages(child, depth - 1)


def test_layout_page_lists_every_folder_and_package() -> None:
    text = (ROOT / "docs/contributing/layout.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([\w/-]+)/` \|", text, re.MULTILINE)
    tops = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))]
    depths = {"functions": 2, "shared": 1, "tests": 1, "tools": 1, "local": 1, "benchmarks": 1}
    folders = [*tops, *(child for name, depth in depths.items() for child in packages(ROOT / name, depth))]
    folders += [path for path in (ROOT / "knative").iterdir() if path.is_dir()]
    assert sorted(listed) == sorted(str(path.relative_to(ROOT)) for path in folders)


def test_make_targets_that_documents_name_exist() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    text = "\n".join(page.read_text(encoding="utf-8") for page in (*pages(), *workflows))
    named = set(re.findall(r"(?:`|^|run: )make ([a-z][a-z-]*)", text, re.MULTILINE))
    assert {"demo", "test", "check", "up", "help"} <= named
    assert named <= targets


def without_generated_regions(text: str) -> str:
    """Return the text without its generated regions."""
    return re.sub(r"generated by python -m tools\.docs: ([\w-]+).*?end of \1", "", text, flags=re.DOTALL)


def test_generated_regions_are_up_to_date() -> None:
    assert not [str(path.relative_to(ROOT)) for path in find_outdated(PATHS, GENERATORS)], "run: python -m tools.docs"


def test_every_generator_has_a_region() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in PATHS)
    assert set(re.findall(r"generated by python -m tools\.docs: ([\w-]+)", text)) == set(GENERATORS)


def test_no_file_is_longer_than_300_lines() -> None:
    folders = (
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
    files = [
        path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".md", ".yaml")
    ]
    files += [*ROOT.glob("*.py"), *ROOT.glob("*.md"), ROOT / "Makefile"]
    lines = {
        str(path.relative_to(ROOT)): without_generated_regions(path.read_text(encoding="utf-8")).count("\n")
        for path in files
    }
    assert not {path: count for path, count in lines.items() if count > LONGEST_FILE}


def test_cluster_checks_match_documentation() -> None:
    documented = [check for check, _ in rows("docs/contributing/cluster-tests.md", ["check", "condition"])]
    assert documented == ["installed", *CHECKS]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_test_names_in_documentation_exist(page: Path) -> None:
    named = set(re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8")))
    assert named <= TEST_NAMES
