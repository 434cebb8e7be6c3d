"""The reference of the functions' settings, and the example of an environment."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import Field, fields
from typing import Any, get_args

from shared.config.settings import Settings
from shared.config.types import Secret
from tools.docs.regions import table

# The first setting of each group. The order is that of the class.
GROUPS = {
    "HOME_LATITUDE": "Home and days",
    "HOME_RADIUS_KM": "Analysis of a day",
    "SUBMIT_URL": "Web page",
    "DATABASE_URL": "PostgreSQL",
    "AWS_ENDPOINT_URL_S3": "Object storage",
    "JOB_RETENTION_DAYS": "Retention",
    "GRACE_SECONDS": "Events and lifecycle",
    "HEALTH_DETAILS": "HTTP",
    "API_KEYS": "Authentication and rate limiting",
    "LOG_LEVEL": "Logs and error reports",
}
FIELDS: dict[str, Field[Any]] = {field.name: field for field in fields(Settings)}
SECRETS = {name for name, field in FIELDS.items() if Secret in (field.type, *get_args(field.type))}
_WIDTH = 120


def reference() -> list[str]:
    """Return a table for each group of settings."""
    lines: list[str] = []
    for title, names in _grouped():
        rows = [[f"`{name}`", _default(name) or "\N{EN DASH}", _code(_description(name))] for name in names]
        lines += ["", f"### {title}", *table(["name", "default", "meaning"], rows)[:-1]]
    return [*lines, ""]


def environment() -> list[str]:
    """Return the lines of .env.example: a setting without a default is commented out."""
    lines: list[str] = []
    for title, names in _grouped():
        lines += ["", f"# -- {title} --"]
        for name in names:
            default = _default(name)
            comment = textwrap.wrap(_description(name), _WIDTH, initial_indent="# ", subsequent_indent="# ")
            lines += [*comment, f"#{name}=" if default is None else f"{name}={default}"]
    return [*lines, ""]


def _grouped() -> Iterator[tuple[str, list[str]]]:
    names: list[str] = []
    title = ""
    for name in FIELDS:
        if name in GROUPS:
            if names:
                yield title, names
            title, names = GROUPS[name], []
        names.append(name)
    yield title, names


def _default(name: str) -> str | None:
    default = FIELDS[name].default
    return None if default is None else str(default)


def _description(name: str) -> str:
    metadata = FIELDS[name].metadata
    secret = "A secret." if name in SECRETS else ""
    return " ".join(filter(None, (metadata["description"], _range(metadata), secret)))


def _range(metadata: Mapping[str, Any]) -> str:
    minimum, maximum = metadata["ge"], metadata["le"]
    if metadata["gt"] is not None:
        return f"Greater than {metadata['gt']}."
    if minimum is None:
        return ""
    return f"Minimum: {minimum}." if maximum is None else f"Range: {minimum} to {maximum}."


def _code(text: str) -> str:
    """Put backquotes around names of settings, paths, columns and literals."""
    literals = {*FIELDS, "created_at", "timestamp", "public.locations", "SELECT", "False", "POSTGRES_*"}
    literals |= {
        "/health",
        "/status",
        "/metrics",
        "/metrics/json",
        "DAY_COLUMN=timestamp",
        "https://maps.example",
        "X-Forwarded-For",
    }
    literals |= {"sentry-sdk", "iss", '{"extensions": {"name": "text"}}'}
    pattern = "|".join(map(re.escape, sorted(literals, key=len, reverse=True)))
    return re.sub(rf"(?<![\w/-])(?:{pattern})(?![\w-])", r"`\g<0>`", text)
