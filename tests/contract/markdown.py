"""Parsing of the Markdown pages for the contract tests."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_IGNORED = {".git", ".venv", ".local", ".cache", ".pytest_cache", ".hypothesis", "node_modules"}


def pages() -> list[Path]:
    """Return every Markdown file of the repository."""
    return sorted(page for page in ROOT.rglob("*.md") if not _IGNORED & set(page.relative_to(ROOT).parts))


def blocks(page: str, language: str, heading: str = "") -> list[str]:
    """Return the fenced blocks of `language` in the section `heading` (default: in the whole page)."""
    text = (ROOT / page).read_text(encoding="utf-8")
    if heading:
        _, _, text = f"\n{text}".partition(f"\n{heading}\n")
        assert text, f"{page} has no {heading}"
        level = heading.index(" ")
        text = re.split(rf"^#{{1,{level}}} ", text, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def rows(page: str, columns: list[str]) -> list[list[str]]:
    """Return the body of the table with these columns, cell by cell, without backquotes."""
    head = "| " + " | ".join(columns) + " |\n"
    _, _, rest = (ROOT / page).read_text(encoding="utf-8").partition(head)
    assert rest, f"{page} has no table {head}"
    lines = rest.splitlines()[1:]  # the rule below the head
    table = lines[: next((number for number, line in enumerate(lines) if not line.startswith("|")), len(lines))]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in table]


def code_paths(page: Path) -> set[str]:
    """Return the repository's paths that a page names in backquotes, such as `shared/errors.py` or `knative/base/`."""
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()} - _IGNORED
    spans = set(re.findall(r"(?<!`)`([\w.*/-]+/[\w.*/-]*)`(?!`)", page.read_text(encoding="utf-8")))
    return {span for span in spans if span.split("/")[0] in folders or span.endswith(".py")}


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page: GitHub's slugs of its headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
