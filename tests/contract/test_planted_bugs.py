"""The planted bugs fit the code. This takes seconds, unlike the tests that detect them."""

import ast
import builtins

import pytest

from tests.planted import Bug
from tests.simulation.bugs import BUGS as SIMULATION_BUGS
from tests.unit.analysis.bugs import BUGS as ANALYSIS_BUGS

BUGS = (*SIMULATION_BUGS, *ANALYSIS_BUGS)


def names(tree: ast.AST) -> set[str]:
    """Return the names of variables, arguments and imports."""
    nodes = list(ast.walk(tree))
    variables = {node.id for node in nodes if isinstance(node, ast.Name)}
    arguments = {node.arg for node in nodes if isinstance(node, ast.arg)}
    imports = {node.asname or node.name for node in nodes if isinstance(node, ast.alias)}
    return variables | arguments | imports


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_planted_bug_changes_its_target(bug: Bug) -> None:
    assert ast.dump(bug.apply()) != ast.dump(ast.parse(bug.path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_planted_bug_uses_only_names_of_its_module(bug: Bug) -> None:
    module = ast.parse(bug.path.read_text(encoding="utf-8"))

    assert names(ast.parse(bug.new)) <= names(module) | set(dir(builtins))


def test_names_of_planted_bugs_are_unique() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS)


@pytest.mark.parametrize(
    ("target", "old", "problem"),
    [
        ("shared.jobs.store:JobStore.claim", "no_such_name", "occurs 0 times"),
        ("shared.jobs.store:JobStore.claim", "record", "occurs .* times"),
        ("shared.jobs.store:JobStore.no_such_method", "record", "does not exist"),
    ],
)
def test_bug_that_does_not_fit_the_code_is_an_error(target: str, old: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Bug("obsolete", target, old, "None", "").apply()
