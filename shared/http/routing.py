"""Matching of requests to handlers by method and path template.

A template is a path in which `<name>` stands for one segment and `<path:name>` for one or more segments. werkzeug's Map
has the same templates, but compiles code for each one to build URLs, which no function does: 1.5 ms a route at start.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from werkzeug.exceptions import MethodNotAllowed, NotFound

from shared.http.messages import Handler

Routes = Mapping[tuple[str, str], Handler]  # HTTP method and path template to handler

_VARIABLE = re.compile(r"<(path:)?(\w+)>")


class Match(NamedTuple):
    """The handler of a request, the template of its path, and the values of the path variables."""

    handler: Handler
    template: str
    variables: Mapping[str, str]


class Router:
    """The routes of a service. HEAD is handled as GET."""

    def __init__(self, routes: Routes) -> None:
        self._handlers: dict[str, dict[str, Handler]] = {}  # template and method to handler
        for (method, template), handler in routes.items():
            handlers = self._handlers.setdefault(template, {})
            handlers[method] = handler
            if method == "GET":
                handlers["HEAD"] = handler
        self._patterns = [(_pattern(template), template) for template in self._handlers if "<" in template]

    def routes(self) -> Iterator[tuple[str, str]]:
        """Iterate over the methods and templates, HEAD included."""
        return ((method, template) for template, handlers in self._handlers.items() for method in handlers)

    def match(self, method: str, path: str) -> Match:
        """Return the handler of a request. Raises werkzeug's NotFound or MethodNotAllowed."""
        template, variables = self._template(path)
        handlers = self._handlers[template]
        if method not in handlers:
            raise MethodNotAllowed(valid_methods=list(handlers))
        return Match(handlers[method], template, variables)

    def _template(self, path: str) -> tuple[str, Mapping[str, str]]:
        if path in self._handlers and "<" not in path:
            return path, {}
        for pattern, template in self._patterns:
            if found := pattern.fullmatch(path):
                return template, found.groupdict()
        raise NotFound


def _pattern(template: str) -> "re.Pattern[str]":
    literals = _VARIABLE.split(template)[::3]
    variables = [
        rf"(?P<{name}>[^/].*)" if is_path else rf"(?P<{name}>[^/]+)" for is_path, name in _VARIABLE.findall(template)
    ]
    parts = [re.escape(literal) for literal in literals]
    return re.compile("".join(part + variable for part, variable in zip(parts, [*variables, ""], strict=True)))
