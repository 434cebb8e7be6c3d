"""Where an issuer's keys are asked for, and what is not believed."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.auth.oidc_issuer import Issuer
from shared.errors import Unavailable
from tests.issuing import DISCOVERY, KEYS, Site, issuing


@pytest.fixture
def site() -> Iterator[Site]:
    with issuing() as site:
        yield site


def ids(issuer: Issuer) -> list[Any]:
    return [key.key_id for key in issuer.signing_keys()]


def test_the_issuers_own_configuration_says_where_its_keys_are(site: Site) -> None:
    assert ids(Issuer(site.url)) == ["rsa", "ec"]
    assert site.asked == [DISCOVERY, KEYS]


def test_a_setting_may_say_it_in_its_place(site: Site) -> None:
    assert ids(Issuer("https://away.invalid", f"{site.url}/keys")) == ["rsa", "ec"]
    assert site.asked == [KEYS]


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
