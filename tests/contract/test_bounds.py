"""The bounds that the documents state are those of the code."""

from dataclasses import fields

from functions.calculate.connection import DAY, PROBE
from tests.contract.markdown import rows


def test_the_bounds_of_the_database_are_those_of_its_page() -> None:
    stated = {
        name: (day, probe)
        for name, day, probe, _ in rows("docs/database.md", ["bound", "calculate", "`/readyz`", "holds for"])
    }
    names = [*(field.name for field in fields(DAY)), "whole"]
    assert stated == {name: tuple(f"{getattr(bounds, name)} s" for bounds in (DAY, PROBE)) for name in names}
