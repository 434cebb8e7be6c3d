"""Where an issuer's keys are asked for, and what is not believed."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared.access.issuer import Issuer
from shared.errors import Unavailable
from tests.signing import signer

DISCOVERY = "/realm/.well-known/openid-configuration"


class Site:
    """A server of this process: `pages` are status, headers and body by path."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                status, headers, body = site.pages.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, text in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/realm"
        self.says(DISCOVERY, {"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        self.says("/realm/keys", {"keys": [signer("rsa").jwk, signer("ec", "ES256").jwk]})

    def says(self, path: str, content: object, status: int = 200, **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.pages[path] = status, headers, body


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, args=(0.01,))
    thread.start()
    yield site
    site.server.shutdown()
    site.server.server_close()
    thread.join()


def ids(issuer: Issuer) -> list[Any]:
    return [key.key_id for key in issuer.signing_keys()]


def test_the_issuers_own_configuration_says_where_its_keys_are(site: Site) -> None:
    assert ids(Issuer(site.url)) == ["rsa", "ec"]
    assert site.asked == [DISCOVERY, "/realm/keys"]


def test_a_setting_may_say_it_in_its_place(site: Site) -> None:
    assert ids(Issuer("https://away.invalid", f"{site.url}/keys")) == ["rsa", "ec"]
    assert site.asked == ["/realm/keys"]


@pytest.mark.parametrize(
    ("path", "content", "status", "headers"),
    [
        (DISCOVERY, {"issuer": "https://another.example", "jwks_uri": "https://another.example/keys"}, 200, {}),
        (DISCOVERY, {"issuer": None}, 200, {}),
        (DISCOVERY, [], 200, {}),
        (DISCOVERY, b"", 302, {"Location": "/realm/keys"}),
        (DISCOVERY, b"", 503, {}),
        ("/realm/keys", b"<html>", 200, {}),
        ("/realm/keys", b"\xff", 200, {}),
        ("/realm/keys", b" " * (257 << 10), 200, {}),
        ("/realm/keys", {"keys": []}, 500, {}),
        ("/realm/keys", b"{}", 200, {"Content-Length": "200"}),
        ("/realm/keys", b"not gzip", 200, {"Content-Encoding": "gzip"}),
    ],
)
def test_whatever_else_it_says_is_an_issuer_that_is_away(
    site: Site, path: str, content: object, status: int, headers: dict[str, str]
) -> None:
    site.says(path, content, status, **headers)
    with pytest.raises(Unavailable, match=r"^issuer: "):
        Issuer(site.url).signing_keys()


def test_keys_are_not_fetched_without_tls_for_an_issuer_that_has_it(site: Site) -> None:
    secure = site.url.replace("http:", "https:")
    issuer = Issuer(secure)
    issuer._json = lambda *_: {"issuer": secure, "jwks_uri": f"{site.url}/keys"}  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="keys without TLS"):
        issuer.signing_keys()


def test_an_issuer_that_nobody_is_at_is_away() -> None:
    with pytest.raises(Unavailable, match="issuer"):
        Issuer("http://127.0.0.1:9/realm").signing_keys()
