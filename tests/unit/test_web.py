"""The version of the page, and its Content-Security-Policy."""

from pathlib import Path

import pytest

from functions.web.files import Page, load_page
from functions.web.handler import content_security_policy
from shared.config.settings import Settings

FILES = {"index.html": b"{{static}}", "app.js": b"1", "lib/app.js": b"2"}


def sources(directive: str, **values: str) -> list[str]:
    policy = dict(part.split(" ", 1) for part in content_security_policy(Settings.parse(values)).split("; "))
    return policy[directive].split()


def test_equal_files_have_one_version() -> None:
    assert Page(FILES).version == Page(dict(reversed(FILES.items()))).version


@pytest.mark.parametrize(
    "changed",
    [
        {"app.js": b"2"},
        {"index.html": b"x"},
        {"other.js": b""},
        {"lib/app.js": b"1", "app.js": b"2"},
        {"app.js": b"1lib/app.js\n"},
    ],
)
def test_any_other_content_or_name_has_another_version(changed: dict[str, bytes]) -> None:
    assert Page(FILES | changed).version != Page(FILES).version


def test_compression_is_reproducible() -> None:
    first, second = (Page(FILES).static["app.js"].compressed for _ in range(2))

    assert first == second
    assert first[:2] == b"\x1f\x8b"


def test_only_files_for_browsers_are_loaded(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    for name in ("index.html", "app.js", "parts/map.js", "tsconfig.json", "types.d.ts", "README.md", ".env"):
        (tmp_path / name).write_text("x")

    assert set(load_page(tmp_path).static) == {"app.js", "parts/map.js"}


def test_a_folder_without_document_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_page(tmp_path)


def test_the_policy_forbids_everything_that_the_page_does_not_need() -> None:
    policy = content_security_policy(Settings.parse({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9000"}))

    assert policy == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self' http://127.0.0.1:9000; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@pytest.mark.parametrize(
    ("values", "origin"),
    [
        ({}, "https://s3.us-east-1.amazonaws.com"),
        ({"AWS_REGION": "cn-north-1"}, "https://s3.cn-north-1.amazonaws.com.cn"),
        ({"S3_ADDRESSING_STYLE": "virtual"}, "https://otel-worker-csv.s3.us-east-1.amazonaws.com"),
        ({"AWS_ENDPOINT_URL_S3": "HTTP://MinIO:9000/base"}, "http://minio:9000"),
        ({"AWS_ENDPOINT_URL_S3": "https://s3.example:443"}, "https://s3.example"),
        (
            {"AWS_ENDPOINT_URL_S3": "http://minio:9000", "S3_PUBLIC_ENDPOINT_URL": "https://files.example/s3"},
            "https://files.example",
        ),
        (
            {
                "S3_PUBLIC_ENDPOINT_URL": "https://files.example:8443",
                "S3_ADDRESSING_STYLE": "virtual",
                "CSV_BUCKET": "day.csv",
            },
            "https://day.csv.files.example:8443",
        ),
    ],
)
def test_the_policy_allows_requests_to_the_host_of_presigned_urls(values: dict[str, str], origin: str) -> None:
    assert sources("connect-src", **values) == ["'self'", origin]


def test_the_policy_allows_requests_to_each_origin_of_the_api_once() -> None:
    urls = {"SUBMIT_URL": "https://api.example/a;b", "STATUS_URL": "https://api.example", "LIST_URL": "http://l:81/x"}

    allowed = sources("connect-src", AWS_ENDPOINT_URL_S3="https://api.example", **urls)

    assert allowed == ["'self'", "https://api.example", "http://l:81"]


def test_the_policy_allows_images_of_the_tile_server_only_if_there_is_one() -> None:
    assert sources("img-src") == ["'self'", "data:"]
    tiles = "https://Tiles.example:8443/{z}/{x}/{y}.png?key=a;script-src"
    assert sources("img-src", MAP_TILES_URL=tiles) == ["'self'", "data:", "https://tiles.example:8443"]
