"""Numbers, names and routes in the prose of the documentation match the code."""

import re
import tomllib
from datetime import timedelta
from importlib import import_module

import pytest

from benchmarks.__main__ import _PARTS
from functions.calculate.sweep import compaction, reconcile
from functions.list import results
from shared.jobs import attempt_limits
from shared.jobs import store as job_store
from shared.storage import multipart
from tests.contract.markdown import ROOT, pages, rows
from tests.contract.world import World

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONCEPTS = ("job-lifecycle", "storage-layout", "delivery-guarantees")
WORDS = {5: "five", 8: "eight", 100: "a hundred", 24: "24"}


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():.0f}"


@pytest.mark.parametrize(
    "statement",
    [
        f"the time for which a claim is valid: {seconds(job_store.LEASE)} s, renewed",
        f"processing, lease expired more than {seconds(job_store._CLOCK_SKEW)} s ago",
        f"The {seconds(job_store._CLOCK_SKEW)} s allow for clock differences",
        f"parts of {multipart._PART_BYTES >> 20} MiB",
        f"When it has {compaction.SEALED_ROWS:,} finished jobs",
        f"reads {WORDS[results._MAX_CONCURRENCY]} records at a time",
        f"caches the results of the {results._CACHE_SIZE:,} jobs shown last",
        f"queued for more than {seconds(reconcile._STUCK_AFTER)} s, or {seconds(reconcile._STUCK_AFTER)} s past the",
        f"{WORDS[attempt_limits._MAX_EXPIRED_LEASES]} attempts that died",
        f"that died, {WORDS[attempt_limits._MAX_RELEASES]} that gave up",
        f"or {WORDS[attempt_limits._MAX_REDISPATCHES]} request events without an attempt",
        f"a marker without a record for more than {job_store.ORPHAN_AGE.total_seconds() / 60:.0f} minutes",
        f"until a sweep deletes it after {job_store.ORPHAN_AGE.total_seconds() / 60:.0f} minutes",
    ],
)
def test_numbers_of_the_job_lifecycle_match_the_code(statement: str) -> None:
    concepts = " ".join(text(f"docs/concepts/{page}.md") for page in CONCEPTS)
    assert statement in " ".join(concepts.split())


def named_definitions() -> list[tuple[str, str, str]]:
    """Return page, name and path of each "`name` in `path/to/file.py`" in the documentation."""
    return [
        (str(page.relative_to(ROOT)), name, path)
        for page in pages()
        for name, path in re.findall(r"`([\w.]+)` in `([\w/]+\.py)`", page.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize(
    ("page", "name", "path"), [row for row in named_definitions() if row[2].startswith(("shared", "functions"))]
)
def test_names_that_a_page_locates_in_a_file_are_defined_there(page: str, name: str, path: str) -> None:
    module = import_module(path.removesuffix(".py").replace("/", "."))
    value = module
    for part in name.split("."):
        value = getattr(value, part)
    assert value.__module__ == module.__name__


def test_readme_lists_every_api_route_of_each_function() -> None:
    table = {name: requests for name, requests, _ in rows("README.md", ["function", "requests", "dependencies"])}
    for service in World().services:
        name = service._name.removeprefix("distance-")
        for method, path in service.routes:
            if path.startswith("/api/"):
                assert method in table[name]
                assert re.sub(r"<(?:path:)?(\w+)>", r"{\1}", path) in table[name]


def test_the_parts_of_the_benchmarks_are_listed() -> None:
    (listed,) = re.findall(r"measures single parts \(([^)]*)\)", text("benchmarks/README.md").replace("\n", " "))
    assert set(re.findall(r"`(\w+)`", listed)) == set(_PARTS)


def test_coverage_settings_match_the_requirements() -> None:
    coverage = PYPROJECT["tool"]["coverage"]
    (row,) = [
        line for line in text("docs/contributing/requirements.md").splitlines() if "coverage of 80 to 90 %" in line
    ]
    assert f"fails under {coverage['report']['fail_under']} %" in row
    assert all(("client" if source.startswith("client") else source) in row for source in coverage["run"]["source"])


def test_build_arguments_that_documents_name_exist() -> None:
    arguments = set(re.findall(r"^ARG (\w+)", text("Containerfile"), re.MULTILINE))
    sources = [*pages(), ROOT / "pyproject.toml", ROOT / "Makefile", ROOT / "Containerfile"]
    named = {name for page in sources for name in re.findall(r"\b([A-Z]+)=access\b", page.read_text(encoding="utf-8"))}
    assert named == {"LOCK"}
    assert named <= arguments


def test_events_page_lists_every_sender_of_a_failed_event() -> None:
    table = {kind: sent for kind, _, _, sent in rows("docs/reference/events.md", ["type", "source", "id", "sent by"])}
    assert "reply to the broker" in table["otelworker.distance.completed.v1"]
    failed = table["otelworker.distance.failed.v1"]
    assert all(sender in failed for sender in ("reply to the broker", "dead letter", "sweep"))
    assert "sends none" not in text("docs/reference/events.md")


@pytest.mark.parametrize(
    "page",
    [
        "docs/reference/settings.md",
        ".env.example",
        "docs/guides/deploy.md",
        "docs/concepts/numbers.md",
        "docs/reference/http-api.md",
        "functions/calculate/day/csv_rows.py",
    ],
)
def test_pages_about_the_day_column_recommend_timestamp(page: str) -> None:
    content = text(page)
    assert "DAY_COLUMN" in content
    assert "DAY_COLUMN=timestamp" in content or ("`timestamp`" in content and "better choice" in content)
