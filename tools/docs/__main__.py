"""`python -m tools.docs`: write the generated parts of the documentation; a test compares them with the code."""

from pathlib import Path

from tests.simulation.bugs import BUGS
from tools.dashboards.metrics_table import metrics_table
from tools.docs import commands, errors, http_api, settings
from tools.docs.regions import Generator, find_outdated, table

ROOT = Path(__file__).parents[2]
GENERATORS: dict[str, Generator] = {
    "settings": settings.reference,
    "environment": settings.environment,
    "response-errors": errors.responses,
    "job-errors": errors.jobs,
    "metrics": lambda: ["", *metrics_table(), ""],
    "planted-bugs": lambda: table(["bug", "what it breaks"], [[f"`{bug.name}`", bug.breaks] for bug in BUGS]),
    "operations": http_api.operations,
    "schemas": http_api.schemas,
    "client-commands": commands.client,
    "admin-commands": commands.administration,
}
PATHS = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / ".env.example"]

if __name__ == "__main__":
    for path, text in find_outdated(PATHS, GENERATORS).items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
