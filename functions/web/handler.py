"""Handle requests for the page: its index document, its configuration and its static files."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from urllib.parse import urlsplit

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header, parse_etags

from functions.web.files import STATIC_PATH, Page, StaticFile
from shared.config.settings import Settings
from shared.errors import NotFound
from shared.http.health import AnyCheck
from shared.http.messages import Request, Response
from shared.http.service import Options, Service
from shared.storage.endpoint import Endpoint
from shared.version import VERSION

_REVALIDATE = "no-cache"
_FOREVER = "public, max-age=31536000, immutable"


def service(page: Page, settings: Settings, checks: Mapping[str, AnyCheck]) -> Service:
    """Build the HTTP service of the page. All of it is public."""
    handler = PageHandler(page, settings)
    routes = {
        ("GET", "/"): handler.index,
        ("GET", "/config.json"): handler.configuration,
        ("GET", f"/{STATIC_PATH}/<version>/<path:name>"): handler.static_file,
    }
    return Service("distance-web", routes, checks, options=Options(health_details=settings.HEALTH_DETAILS))


class PageHandler:
    """Serve one version of the page."""

    def __init__(self, page: Page, settings: Settings) -> None:
        self._page = page
        policy = content_security_policy(settings)
        self._headers = {
            "Content-Security-Policy": policy,
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        # The policy is part of the tag: a cached document keeps the headers that it came with.
        self._index_tag = sha256(page.index.content + policy.encode()).hexdigest()[: len(page.version)]
        self._configuration = page_configuration(settings)

    def index(self, request: Request) -> Response:
        return self._respond(request, self._page.index, self._index_tag, _REVALIDATE)

    def configuration(self, _: Request) -> Response:
        return Response(200, self._configuration, {**self._headers, "Cache-Control": _REVALIDATE})

    def static_file(self, request: Request) -> Response:
        """Return a file of this version; NotFound if it has none of that name.

        A document of another version gets it too, but not for its cache: while a new revision is rolled out, a browser
        may load the document from the one and its modules from the other.
        """
        file = self._page.static.get(request.path["name"])
        if file is None:
            raise NotFound("No such file")
        is_same_version = request.path["version"] == self._page.version
        return self._respond(request, file, self._page.version, _FOREVER if is_same_version else _REVALIDATE)

    def _respond(self, request: Request, file: StaticFile, tag: str, cache_control: str) -> Response:
        """Return the file in the encoding that the client accepts, or 304 if the client has it."""
        is_compressed = _accepts_gzip(request.headers.get("accept-encoding", ""))
        tag = f"{tag}-gzip" if is_compressed else tag
        headers = {**self._headers, "Cache-Control": cache_control, "ETag": f'"{tag}"', "Vary": "Accept-Encoding"}
        if parse_etags(request.headers.get("if-none-match")).contains_weak(tag):
            return Response(304, headers=headers)
        headers["Content-Type"] = file.content_type
        if not is_compressed:
            return Response(200, file.content, headers)
        return Response(200, file.compressed, {**headers, "Content-Encoding": "gzip"})


def page_configuration(settings: Settings) -> dict[str, str | None]:
    """Return what the page reads from config.json. A base URL that is None is that of the page."""
    return {
        "submit_url": _base_url(settings.SUBMIT_URL),
        "status_url": _base_url(settings.STATUS_URL),
        "list_url": _base_url(settings.LIST_URL),
        "map_tiles_url": settings.MAP_TILES_URL,
        "map_attribution": settings.MAP_ATTRIBUTION,
        "timezone": settings.DAY_TIMEZONE,
        "version": VERSION,
    }


def content_security_policy(settings: Settings) -> str:
    """Return the policy of the page: its own files, the API, downloads from object storage, and map tiles if any."""
    api = (settings.SUBMIT_URL, settings.STATUS_URL, settings.LIST_URL)
    downloads = Endpoint.of_presigned_urls(settings).url(settings.CSV_BUCKET, "/")
    directives = {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", *_origins(settings.MAP_TILES_URL)],
        "connect-src": ["'self'", *_origins(*api, downloads)],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
    return "; ".join(f"{name} {' '.join(dict.fromkeys(sources))}" for name, sources in directives.items())


def _origins(*urls: str | None) -> Iterator[str]:
    for url in filter(None, urls):
        parts = urlsplit(url)
        yield f"{parts.scheme}://{parts.netloc}".lower()


def _base_url(url: str | None) -> str | None:
    return url.rstrip("/") if url else None


def _accepts_gzip(accept_encoding: str) -> bool:
    return parse_accept_header(accept_encoding, Accept).quality("gzip") > 0
