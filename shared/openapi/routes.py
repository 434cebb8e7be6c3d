"""The routes of the API documents. Their modules are imported at the first request, so they cost no start-up time."""

from shared.http.messages import Request, Response
from shared.http.routing import Routes


def _openapi(_: Request) -> Response:
    from shared.openapi import document  # noqa: PLC0415 - not needed at start

    return Response(200, document.document())


def _asyncapi(_: Request) -> Response:
    from shared.openapi import asyncapi  # noqa: PLC0415 - not needed at start

    return Response(200, asyncapi.document())


def _page(_: Request) -> Response:
    from shared.openapi.html import HEADERS, page  # noqa: PLC0415 - not needed at start

    return Response(200, page(), HEADERS)


ROUTES: Routes = {("GET", "/openapi.json"): _openapi, ("GET", "/asyncapi.json"): _asyncapi, ("GET", "/docs"): _page}
