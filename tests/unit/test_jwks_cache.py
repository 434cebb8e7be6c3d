"""Caching of signing keys, also while the issuer is unavailable."""

import threading
from collections.abc import Sequence

import jwt
import pytest

from shared.auth.jwks_cache import MAX_AGE_SECONDS, REFRESH_AFTER_SECONDS, JwksCache
from shared.auth.oidc_issuer import parse_jwks
from shared.deadlines import SingleFlight
from shared.errors import Unauthenticated, Unavailable
from tests.signing import Signer, signer

FIRST, SECOND = signer("rsa"), signer("stranger")


class Issuer:
    """A fake issuer with a manual clock."""

    def __init__(self, *signers: Signer) -> None:
        self.signers, self.unavailable, self.seconds, self.fetches = list(signers), False, 0.0, 0
        self.keys = JwksCache(self.fetch, lambda: self.seconds)

    def fetch(self) -> Sequence[jwt.PyJWK]:
        self.fetches += 1
        if self.unavailable:
            raise Unavailable("issuer", "NewConnectionError")
        return parse_jwks({"keys": [signer.jwk for signer in self.signers]})

    def find(self, key_id: str | None = "rsa") -> str | None:
        return self.keys.find(key_id, "RS256").key_id

    def wait_for_refresh(self, fetches: int) -> None:
        """Wait for the end of a refresh in the background."""
        refreshes: SingleFlight[bool] = self.keys._refreshes
        refreshes.start()()
        assert self.fetches == fetches


def test_keys_are_fetched_once() -> None:
    issuer = Issuer(FIRST)
    assert {issuer.find() for _ in range(100)} == {"rsa"}
    assert issuer.fetches == 1


def test_unknown_key_id_triggers_fetch() -> None:
    issuer = Issuer(FIRST)
    issuer.find()
    issuer.signers = [SECOND]
    issuer.seconds = 60
    assert issuer.find("stranger") == "stranger"
    with pytest.raises(Unauthenticated, match="unknown key"):
        issuer.find()
    assert issuer.fetches == 2


def test_fetches_for_unknown_key_ids_are_throttled() -> None:
    issuer = Issuer(FIRST)
    for number in range(100):
        with pytest.raises(Unauthenticated):
            issuer.find(f"made-up-{number}")
        issuer.seconds += 0.2
    assert issuer.fetches == 2


def test_fetches_after_failure_are_throttled() -> None:
    issuer = Issuer(FIRST)
    issuer.unavailable = True
    for _ in range(10):
        with pytest.raises(Unavailable, match="issuer"):
            issuer.find()
    assert issuer.fetches == 1
    issuer.unavailable, issuer.seconds = False, 3.5
    assert issuer.find() == "rsa"


def test_unknown_key_is_unavailable_while_issuer_is_unavailable() -> None:
    issuer = Issuer(FIRST)
    issuer.find()
    issuer.unavailable, issuer.seconds = True, 60
    with pytest.raises(Unavailable):
        issuer.find("new")


def test_cached_keys_are_used_for_a_day_while_issuer_is_unavailable() -> None:
    issuer = Issuer(FIRST)
    issuer.find()
    issuer.unavailable, issuer.seconds = True, MAX_AGE_SECONDS - 1
    assert issuer.find() == "rsa"
    issuer.wait_for_refresh(2)
    issuer.seconds = MAX_AGE_SECONDS + 60
    with pytest.raises(Unavailable):
        issuer.find()


def test_withdrawn_key_is_rejected_after_refresh() -> None:
    issuer = Issuer(FIRST)
    issuer.find()
    issuer.signers, issuer.seconds = [SECOND], REFRESH_AFTER_SECONDS + 1
    assert issuer.find() == "rsa"
    issuer.wait_for_refresh(2)
    with pytest.raises(Unauthenticated):
        issuer.find()


def test_refresh_does_not_block_requests() -> None:
    issuer, unblock = Issuer(FIRST), threading.Event()
    issuer.find()
    fetch = issuer.fetch

    def fetch_slowly() -> Sequence[jwt.PyJWK]:
        unblock.wait()
        return fetch()

    issuer.keys._fetch = fetch_slowly
    issuer.seconds = REFRESH_AFTER_SECONDS + 1
    assert {issuer.find() for _ in range(3)} == {"rsa"}
    assert issuer.fetches == 1
    unblock.set()
    issuer.wait_for_refresh(2)
