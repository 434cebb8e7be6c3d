"""The lock files pin every package with hashes, name no package index, and are consistent with each other."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.contract.markdown import ROOT

PAIRS = [("functions", "local"), ("functions", "access"), ("access", "dev"), ("local", "dev")]
LOCKS = ("functions", "access", "local", "dev", "accuracy")


def text(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")


def pins(lock: str) -> dict[str, set[str]]:
    """Return the pinned versions of each package: several if they depend on the platform."""
    versions: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)", text(lock), re.MULTILINE):
        versions.setdefault(canonicalize_name(name), set()).add(version)
    return versions


def required_packages(group: str) -> Iterator[str]:
    """Yield the packages that pyproject.toml requires, including those of included groups."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if group == "functions":
        yield from (Requirement(line).name for line in project["project"]["dependencies"])
        return
    if group == "access":
        yield from (Requirement(line).name for line in project["project"]["optional-dependencies"][group])
        return
    for line in project["dependency-groups"][group]:
        if isinstance(line, dict):
            yield from required_packages(line["include-group"])
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
def test_a_lock_names_no_package_index(lock: str) -> None:
    assert not re.search(r"://|@ |--(extra-)?index|--find-links|--trusted-host", text(lock))


@pytest.mark.parametrize(
    ("smaller", "larger"), [("functions", "local"), ("functions", "access"), ("access", "dev"), ("local", "dev")]
)
def test_a_larger_lock_has_the_versions_of_the_smaller_one(smaller: str, larger: str) -> None:
    assert pins(smaller).items() <= pins(larger).items()


def test_the_lock_of_an_own_environment_has_the_versions_of_the_others() -> None:
    own, others = pins("accuracy"), pins("dev")
    assert {name: own[name] for name in own.keys() & others} == {name: others[name] for name in own.keys() & others}


@pytest.mark.parametrize("lock", LOCKS)
def test_requirements_of_pyproject_are_locked(lock: str) -> None:
    assert {canonicalize_name(name) for name in required_packages(lock)} <= set(pins(lock))


def test_pins_keep_the_extras_that_packages_require() -> None:
    """Without the extra in the pin, pip selects the newest release with it, and rejects that for its missing hash."""
    locked = text("dev")
    for package in distributions():
        if canonicalize_name(package.name) not in pins("dev"):
            continue
        for requirement in map(Requirement, package.requires or []):
            if requirement.extras and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
                pin = re.search(rf"^{re.escape(requirement.name)}\[([^\]]*)\]==", locked, re.MULTILINE | re.IGNORECASE)
                assert pin, f"{package.name} requires {requirement}"
                assert requirement.extras <= set(pin[1].split(","))
