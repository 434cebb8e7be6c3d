"""Numbers, names and routes that the documents state in prose are those of the code."""

import re
import tomllib
from datetime import timedelta
from importlib import import_module

import pytest

from benchmarks.__main__ import _PARTS
from functions.calculate.sweep import compaction, reconcile
from functions.list import results
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
        f"{WORDS[job_store._MAX_EXPIRED_LEASES]} attempts that died, {WORDS[job_store._MAX_RELEASES]} that gave up",
        f"or {WORDS[job_store._MAX_REDISPATCHES]} request events without an attempt",
        f"a marker without a record for more than {job_store.ORPHAN_AGE.total_seconds() / 60:.0f} minutes",
        f"until a sweep deletes it after {job_store.ORPHAN_AGE.total_seconds() / 60:.0f} minutes",
    ],
)
def test_the_numbers_in_the_life_of_a_job_are_those_of_the_code(statement: str) -> None:
    concepts = " ".join(text(f"docs/concepts/{page}.md") for page in CONCEPTS)
    assert statement in " ".join(concepts.split())


def named() -> list[tuple[str, str, str]]:
    """Each "`name` in `path/to/file.py`" of a page: the page, the name and the path."""
    return [
        (str(page.relative_to(ROOT)), name, path)
        for page in pages()
        for name, path in re.findall(r"`([\w.]+)` in `([\w/]+\.py)`", page.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize(
    ("page", "name", "path"), [one for one in named() if one[2].startswith(("shared", "functions"))]
)
def test_a_name_that_a_page_places_in_a_file_is_defined_there(page: str, name: str, path: str) -> None:
    module = import_module(path.removesuffix(".py").replace("/", "."))
    found = module
    for part in name.split("."):
        found = getattr(found, part)
    assert found.__module__ == module.__name__


def test_the_readme_names_every_route_of_the_api_under_its_function() -> None:
    table = {name: answers for name, answers, _ in rows("README.md", ["function", "requests", "dependencies"])}
    for service in World().services:
        name = service._name.removeprefix("distance-")
        for method, path in service.routes:
            if path.startswith("/api/"):
                assert method in table[name]
                assert re.sub(r"<(?:path:)?(\w+)>", r"{\1}", path) in table[name]


def test_the_parts_of_the_benchmarks_are_listed() -> None:
    (listed,) = re.findall(r"measures single parts \(([^)]*)\)", text("benchmarks/README.md").replace("\n", " "))
    assert set(re.findall(r"`(\w+)`", listed)) == set(_PARTS)


def test_coverage_is_measured_as_the_requirements_say() -> None:
    coverage = PYPROJECT["tool"]["coverage"]
    (row,) = [
        line for line in text("docs/contributing/requirements.md").splitlines() if "coverage of 80 to 90 %" in line
    ]
    assert f"fails under {coverage['report']['fail_under']} %" in row
    assert all(("client" if source.startswith("client") else source) in row for source in coverage["run"]["source"])


def test_an_argument_of_the_image_that_is_named_somewhere_is_one() -> None:
    arguments = set(re.findall(r"^ARG (\w+)", text("Containerfile"), re.MULTILINE))
    places = [*pages(), ROOT / "pyproject.toml", ROOT / "Makefile", ROOT / "Containerfile"]
    found = {name for place in places for name in re.findall(r"\b([A-Z]+)=access\b", place.read_text(encoding="utf-8"))}
    assert found == {"LOCK"}
    assert found <= arguments


def test_a_failed_event_is_sent_by_whatever_fails_the_job() -> None:
    table = {kind: sent for kind, _, _, sent in rows("docs/reference/events.md", ["type", "source", "id", "sent by"])}
    assert "reply to the broker" in table["otelworker.distance.completed.v1"]
    failed = table["otelworker.distance.failed.v1"]
    assert all(words in failed for words in ("reply to the broker", "dead letter", "sweep"))
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
def test_the_day_column_is_named_wherever_it_is_chosen_or_read(page: str) -> None:
    said = text(page)
    assert "DAY_COLUMN" in said
    assert "DAY_COLUMN=timestamp" in said or ("`timestamp`" in said and "better choice" in said)
