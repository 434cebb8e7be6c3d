"""The page: its document, its static files, their caching and encodings, and its configuration."""

import gzip
import json
import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from functions.web.files import Page, load_page
from functions.web.handler import service
from shared.config.settings import Settings
from shared.version import VERSION
from tests.functional.harness import service_client

FILES = {
    "index.html": b'<script type="module" src="{{static}}/app.js"></script>',
    "app.js": b"import './parts/map.js';",
    "parts/map.js": b"export {};",
    "style.css": b"body {}",
    "icon.svg": b"<svg/>",
}
PAGE = Page(FILES)
STATIC = f"/assets/{PAGE.version}"
GZIP = {"Accept-Encoding": "gzip, deflate, br"}
TILES = "https://tiles.example/{z}/{x}/{y}.png"


def client_of(settings: Settings = Settings(), page: Page = PAGE) -> FlaskClient:  # noqa: B008 - immutable
    return service_client(lambda: service(page, settings, {}))


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    with client_of() as client:
        yield client


def test_the_document_refers_to_the_static_files_of_its_version_by_relative_urls(client: FlaskClient) -> None:
    response = client.get("/")

    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert response.text == f'<script type="module" src="assets/{PAGE.version}/app.js"></script>'
    assert response.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("parts/map.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_static_files_may_be_cached_forever(client: FlaskClient, name: str, content_type: str) -> None:
    response = client.get(f"{STATIC}/{name}")

    assert (response.status_code, response.data) == (200, FILES[name])
    assert response.headers["Content-Type"] == content_type
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["Vary"] == "Accept-Encoding"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/0123456789abcdef/nowhere.js",
        f"{STATIC}/nowhere.js",
        f"{STATIC}/index.html",
        f"{STATIC}/parts",
        f"{STATIC}/parts/",
        f"{STATIC}/",
        STATIC,
        "/assets",
        f"{STATIC}/../{PAGE.version}/app.js",
        f"{STATIC}/parts/../app.js",
        f"{STATIC}/./app.js",
        f"{STATIC}//app.js",
        f"{STATIC}/%2e%2e/main.py",
        f"{STATIC}/..%2f..%2fmain.py",
        f"{STATIC}/../../handler.py",
        f"{STATIC}//etc/passwd",
        f"{STATIC}/%2fetc%2fpasswd",
        f"{STATIC}/app.js%00",
        f"{STATIC}/APP.JS",
        "/static/app.js",
        "/index.html",
        "/favicon.ico",
        "/robots.txt",
    ],
)
def test_other_paths_return_404_in_the_envelope(client: FlaskClient, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 404
    assert response.json is not None
    assert response.json["error"]["code"] == "NOT_FOUND"
    assert "immutable" not in response.headers.get("Cache-Control", "")


def test_a_document_of_another_version_gets_the_files_but_may_not_keep_them(client: FlaskClient) -> None:
    response = client.get("/assets/0123456789abcdef/app.js")
    assert (response.status_code, response.data) == (200, FILES["app.js"])
    assert response.headers["Cache-Control"] == "no-cache"


def test_a_percent_encoded_name_is_that_file(client: FlaskClient) -> None:
    assert client.get(f"{STATIC}/parts%2Fmap.js").data == FILES["parts/map.js"]


@pytest.mark.parametrize("path", ["/", f"{STATIC}/app.js"])
def test_an_unchanged_file_is_304_for_each_encoding(client: FlaskClient, path: str) -> None:
    plain, compressed = client.get(path), client.get(path, headers=GZIP)
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed.data) == plain.data
    assert len({plain.headers["ETag"], compressed.headers["ETag"]}) == 2

    for response, encoding in ((plain, {}), (compressed, GZIP)):
        tag = response.headers["ETag"]
        for value in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            unchanged = client.get(path, headers={**encoding, "If-None-Match": value})
            assert (unchanged.status_code, unchanged.data) == (304, b"")
            assert not {"Content-Length", "Content-Type", "Content-Encoding"} & set(unchanged.headers.keys())
            for name in ("ETag", "Cache-Control", "Vary", "Content-Security-Policy"):
                assert unchanged.headers[name] == response.headers[name]
    other = client.get(path, headers={**GZIP, "If-None-Match": plain.headers["ETag"]})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("br;q=1.0, gzip;q=0.5", True),
        ("*", True),
        ("", False),
        ("br, deflate", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("identity", False),
    ],
)
def test_a_file_is_compressed_only_for_clients_that_accept_it(
    client: FlaskClient, accepted: str, is_compressed: bool
) -> None:
    response = client.get(f"{STATIC}/app.js", headers={"Accept-Encoding": accepted})

    assert response.headers.get("Content-Encoding") == ("gzip" if is_compressed else None)
    assert (response.data == FILES["app.js"]) == (not is_compressed)


@pytest.mark.parametrize("path", ["/", "/config.json", f"{STATIC}/app.js"])
def test_head_has_the_headers_of_get_and_no_body(client: FlaskClient, path: str) -> None:
    for headers in ({}, GZIP):
        got, head = client.get(path, headers=headers), client.head(path, headers=headers)
        assert (head.status_code, head.data) == (200, b"")
        ignored = {"X-Trace-Id", "Date"}
        assert {k: v for k, v in head.headers if k not in ignored} == {k: v for k, v in got.headers if k not in ignored}
        assert int(head.headers["Content-Length"]) == len(got.data)


@pytest.mark.parametrize("path", ["/", "/config.json", f"{STATIC}/app.js"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_405_with_allow(client: FlaskClient, method: str, path: str) -> None:
    response = client.open(path, method=method)

    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


def test_the_configuration_is_null_where_nothing_is_set(client: FlaskClient) -> None:
    response = client.get("/config.json")

    names = ("submit_url", "status_url", "list_url", "map_tiles_url", "map_attribution")
    assert response.json == {**dict.fromkeys(names), "timezone": "UTC", "version": VERSION}
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["Content-Type"] == "application/json"


def test_the_configuration_has_the_settings_of_the_page_only() -> None:
    settings = Settings.parse(
        {
            "SUBMIT_URL": "https://submit.example/",
            "STATUS_URL": "https://status.example/a/b/",
            "LIST_URL": "https://list.example",
            "MAP_TILES_URL": TILES,
            "MAP_ATTRIBUTION": "© <b>Tiles</b>",
            "DAY_TIMEZONE": "America/New_York",
            "SENTRY_DSN": "https://key@sentry.example/1",
            "HOME_LATITUDE": "1.5",
        }
    )

    assert client_of(settings).get("/config.json").json == {
        "submit_url": "https://submit.example",
        "status_url": "https://status.example/a/b",
        "list_url": "https://list.example",
        "map_tiles_url": TILES,
        "map_attribution": "© <b>Tiles</b>",
        "timezone": "America/New_York",
        "version": VERSION,
    }


def test_health_endpoints_work_like_those_of_every_service(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "healthy", "service": "distance-web"}
    assert client.get("/readyz").json == {"status": "ready"}


def test_the_shipped_page_and_every_file_that_it_refers_to_is_served() -> None:
    page = load_page()
    client = client_of(page=page)
    document = client.get("/").text

    references = re.findall(r"(?:src|href)=\"([^\"]+)\"", document)
    assert references
    assert "{{" not in document
    for reference in references:
        assert client.get(f"/{reference}").status_code == 200, reference


def test_a_changed_policy_changes_the_tag_of_the_document() -> None:
    tags = {client_of(settings).get("/").headers["ETag"] for settings in (Settings(), Settings(MAP_TILES_URL=TILES))}

    assert len(tags) == 2


def test_configuration_is_json_without_markup_meaning(client: FlaskClient) -> None:
    hostile = Settings(MAP_ATTRIBUTION="</script><script>")

    response = client_of(hostile).get("/config.json")

    assert json.loads(response.text)["map_attribution"] == "</script><script>"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
