"""Routing: paths match as in werkzeug's Map, which has the same templates."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from shared.http.messages import Request, Response
from shared.http.routing import Router

TEMPLATES = [
    ("POST", "/"),
    ("GET", "/healthz"),
    ("GET", "/api/distance/jobs"),
    ("GET", "/api/distance/jobs/<job_id>"),
    ("DELETE", "/api/distance/jobs/<job_id>"),
    ("GET", "/api/distance/download/<path:filename>"),
]


def handle(_: Request) -> Response:
    return Response(200)


ROUTER = Router(dict.fromkeys(TEMPLATES, handle))
REFERENCE = Map([Rule(path, methods=[method]) for method, path in TEMPLATES], merge_slashes=False).bind("host")
_SEGMENTS = st.sampled_from(["", "api", "distance", "jobs", "download", "healthz", ".", "%2F", "é", "\n"]) | st.text()
_PATHS = st.lists(_SEGMENTS, max_size=6).map("/".join) | st.builds(
    "{}{}{}".format, st.sampled_from([path.partition("<")[0] for _, path in TEMPLATES]), st.text(), st.text("/a.\n")
)


def outcome(match: Any) -> object:
    try:
        return match()
    except MethodNotAllowed as exc:
        return 405, set(exc.valid_methods or ())
    except HTTPException as exc:
        return exc.code


@given(_PATHS.map(lambda path: "/" + path.lstrip("/")), st.sampled_from(["GET", "HEAD", "POST", "DELETE", "OPTIONS"]))
def test_paths_match_as_in_werkzeug(path: str, method: str) -> None:
    def actual() -> object:
        match = ROUTER.match(method, path)
        return match.template, dict(match.variables)

    def expected() -> object:
        rule, variables = REFERENCE.match(path, method, return_rule=True)
        return rule.rule, dict(variables)

    assert outcome(actual) == outcome(expected)


def test_head_is_handled_as_get() -> None:
    assert ROUTER.match("HEAD", "/healthz").handler is handle
    assert ("HEAD", "/") not in ROUTER.routes()


def test_template_itself_is_an_ordinary_path() -> None:
    assert ROUTER.match("GET", "/api/distance/jobs/<job_id>").variables == {"job_id": "<job_id>"}
    with pytest.raises(NotFound):
        ROUTER.match("GET", "/api/distance/<job_id>")
