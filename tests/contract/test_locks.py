"""The locks hold every package by hash, say nothing of where it comes from, and agree with one another."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.contract.markdown import ROOT

PAIRS = [("functions", "local"), ("functions", "access"), ("access", "dev"), ("local", "dev")]
LOCKS = ("functions", "access", "local", "dev")


def text(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")


def pins(lock: str) -> dict[str, set[str]]:
    """Each package's pins: more than one where they depend on the platform."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)", text(lock), re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def wanted(group: str) -> Iterator[str]:
    """The packages that pyproject.toml asks for, those of included groups too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if group == "functions":
        yield from (Requirement(line).name for line in project["project"]["dependencies"])
        return
    if group == "access":
        yield from (Requirement(line).name for line in project["project"]["optional-dependencies"][group])
        return
    for line in project["dependency-groups"][group]:
        if isinstance(line, dict):
            yield from wanted(line["include-group"])
        else:
            yield Requirement(line).name


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_with_hashes(lock: str) -> None:
    logical = re.sub(r"\\\n\s*", "", text(lock))
    lines = [line for line in logical.splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"[A-Za-z0-9._-]+(\[[^\]]*\])?==[^\s;]+", line), line
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}", line), line


@pytest.mark.parametrize("lock", LOCKS)
def test_no_address_of_a_registry_is_in_a_lock(lock: str) -> None:
    assert not re.search(r"://|@ |--(extra-)?index|--find-links|--trusted-host", text(lock))


@pytest.mark.parametrize(
    ("smaller", "larger"), [("functions", "local"), ("functions", "access"), ("access", "dev"), ("local", "dev")]
)
def test_a_larger_lock_has_the_smaller_ones_versions(smaller: str, larger: str) -> None:
    assert pins(smaller).items() <= pins(larger).items()


@pytest.mark.parametrize("lock", LOCKS)
def test_what_pyproject_asks_for_is_locked(lock: str) -> None:
    assert {canonicalize_name(name) for name in wanted(lock)} <= set(pins(lock))


def test_an_extra_that_a_package_asks_for_stays_in_the_pin() -> None:
    """Without it pip looks for the newest release of what has the extra, and refuses it for want of a hash."""
    locked = text("dev")
    for package in distributions():
        if canonicalize_name(package.name) not in pins("dev"):
            continue
        for asked in map(Requirement, package.requires or []):
            if asked.extras and (asked.marker is None or asked.marker.evaluate({"extra": ""})):
                found = re.search(rf"^{re.escape(asked.name)}\[([^\]]*)\]==", locked, re.MULTILINE | re.IGNORECASE)
                assert found, f"{package.name} asks for {asked}"
                assert asked.extras <= set(found[1].split(","))
