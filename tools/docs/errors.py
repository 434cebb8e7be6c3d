"""The reference of errors: status and code of each error of the domain, and the codes of failed jobs."""

import inspect

from shared.errors import JOB_ERRORS
from shared.http import error_responses
from tools.docs.regions import table

_UNMAPPED = [
    [
        "`METHOD_NOT_ALLOWED`",
        "405",
        "The path does not support the method. The header `Allow` lists those it supports.",
    ],
    ["`INTERNAL_ERROR`", "500", "An unexpected error. It is in the log under the trace id."],
]


def responses() -> list[str]:
    """Return the table of error codes in HTTP responses."""
    rows = [[f"`{code}`", str(status), _summary(kind)] for kind, status, code in error_responses.STATUSES]
    return table(["code", "status", "when"], sorted([*rows, *_UNMAPPED], key=lambda row: row[1]))


def _summary(kind: type[Exception]) -> str:
    """Return the first sentence of the class's docstring. The rest is for callers that raise it."""
    return (inspect.getdoc(kind) or "").partition(". ")[0].partition("\n")[0].rstrip(".") + "."


def jobs() -> list[str]:
    """Return the table of error codes of failed jobs."""
    return table(["code", "when"], [[f"`{code}`", meaning] for code, meaning in JOB_ERRORS.items()])
