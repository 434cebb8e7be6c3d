"""Discovery and download of an issuer's keys."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.auth.oidc_issuer import Issuer
from shared.errors import Unavailable
from tests.oidc_server import DISCOVERY, KEYS, OidcServer, oidc_server


@pytest.fixture
def server() -> Iterator[OidcServer]:
    with oidc_server() as server:
        yield server


def key_ids(issuer: Issuer) -> list[Any]:
    return [key.key_id for key in issuer.fetch_keys()]


def test_keys_are_fetched_from_url_in_configuration(server: OidcServer) -> None:
    assert key_ids(Issuer(server.url)) == ["rsa", "ec"]
    assert server.requests == [DISCOVERY, KEYS]


def test_configured_jwks_url_skips_discovery(server: OidcServer) -> None:
    assert key_ids(Issuer("https://away.invalid", f"{server.url}/keys")) == ["rsa", "ec"]
    assert server.requests == [KEYS]


@pytest.mark.parametrize(
    ("path", "content", "status", "headers"),
    [
        (DISCOVERY, {"issuer": "https://another.example", "jwks_uri": "https://another.example/keys"}, 200, {}),
        (DISCOVERY, {"issuer": None}, 200, {}),
        (DISCOVERY, [], 200, {}),
        (DISCOVERY, b"", 302, {"Location": KEYS}),
        (DISCOVERY, b"", 503, {}),
        (KEYS, b"<html>", 200, {}),
        (KEYS, b"\xff", 200, {}),
        (KEYS, b" " * (257 << 10), 200, {}),
        (KEYS, {"keys": []}, 500, {}),
        (KEYS, b"{}", 200, {"Content-Length": "200"}),
        (KEYS, b"not gzip", 200, {"Content-Encoding": "gzip"}),
    ],
)
def test_invalid_response_means_issuer_is_unavailable(
    server: OidcServer, path: str, content: object, status: int, headers: dict[str, str]
) -> None:
    server.respond(path, content, status, **headers)
    with pytest.raises(Unavailable, match=r"^issuer: "):
        Issuer(server.url).fetch_keys()


def test_keys_of_https_issuer_are_not_fetched_over_http(server: OidcServer) -> None:
    secure = server.url.replace("http:", "https:")
    issuer = Issuer(secure)
    issuer._get_json = lambda *_: {"issuer": secure, "jwks_uri": f"{server.url}/keys"}  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="keys without TLS"):
        issuer.fetch_keys()


def test_unreachable_issuer_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="issuer"):
        Issuer("http://127.0.0.1:9/realm").fetch_keys()
