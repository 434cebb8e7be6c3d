"""Whose keys are known, for how long, and what becomes of tokens while the issuer is away."""

import threading
from collections.abc import Sequence

import jwt
import pytest

from shared.auth.jwks_cache import FRESH_SECONDS, KEPT_SECONDS, KeySet
from shared.auth.oidc_issuer import usable
from shared.deadlines import SingleFlight
from shared.errors import Unauthenticated, Unavailable
from tests.signing import Signer, signer

FIRST, SECOND = signer("rsa"), signer("stranger")


class Issuer:
    """An issuer and a clock, both in our hands."""

    def __init__(self, *signers: Signer) -> None:
        self.signers, self.away, self.seconds, self.asked = list(signers), False, 0.0, 0
        self.keys = KeySet(self.fetch, lambda: self.seconds)

    def fetch(self) -> Sequence[jwt.PyJWK]:
        self.asked += 1
        if self.away:
            raise Unavailable("issuer", "NewConnectionError")
        return usable({"keys": [one.jwk for one in self.signers]})

    def finds(self, key_id: str | None = "rsa") -> str | None:
        return self.keys.find(key_id, "RS256").key_id

    def until_asked(self, times: int) -> None:
        """What is begun beside us has ended."""
        looks: SingleFlight[bool] = self.keys._looks
        looks.start()()
        assert self.asked == times


def test_keys_are_fetched_once_for_any_number_of_tokens() -> None:
    issuer = Issuer(FIRST)
    assert {issuer.finds() for _ in range(100)} == {"rsa"}
    assert issuer.asked == 1


def test_a_new_key_is_found_when_the_first_token_of_it_comes() -> None:
    issuer = Issuer(FIRST)
    issuer.finds()
    issuer.signers = [SECOND]
    issuer.seconds = 60
    assert issuer.finds("stranger") == "stranger"
    with pytest.raises(Unauthenticated, match="unknown key"):
        issuer.finds()
    assert issuer.asked == 2


def test_made_up_ids_do_not_make_us_ask_the_issuer_each_time() -> None:
    issuer = Issuer(FIRST)
    for number in range(100):
        with pytest.raises(Unauthenticated):
            issuer.finds(f"made-up-{number}")
        issuer.seconds += 0.2
    assert issuer.asked == 2


def test_an_issuer_that_was_never_reached_is_unavailable_and_left_alone_for_a_moment() -> None:
    issuer = Issuer(FIRST)
    issuer.away = True
    for _ in range(10):
        with pytest.raises(Unavailable, match="issuer"):
            issuer.finds()
    assert issuer.asked == 1
    issuer.away, issuer.seconds = False, 3.5
    assert issuer.finds() == "rsa"


def test_while_it_is_away_a_key_that_is_not_known_may_be_a_new_one() -> None:
    issuer = Issuer(FIRST)
    issuer.finds()
    issuer.away, issuer.seconds = True, 60
    with pytest.raises(Unavailable):
        issuer.finds("new")


def test_known_keys_serve_for_a_day_without_the_issuer() -> None:
    issuer = Issuer(FIRST)
    issuer.finds()
    issuer.away, issuer.seconds = True, KEPT_SECONDS - 1
    assert issuer.finds() == "rsa"
    issuer.until_asked(2)
    issuer.seconds = KEPT_SECONDS + 60
    with pytest.raises(Unavailable):
        issuer.finds()


def test_a_key_that_the_issuer_has_withdrawn_is_gone_after_an_hour() -> None:
    issuer = Issuer(FIRST)
    issuer.finds()
    issuer.signers, issuer.seconds = [SECOND], FRESH_SECONDS + 1
    assert issuer.finds() == "rsa"
    issuer.until_asked(2)
    with pytest.raises(Unauthenticated):
        issuer.finds()


def test_nobody_waits_while_known_keys_are_fetched_anew() -> None:
    issuer, gate = Issuer(FIRST), threading.Event()
    issuer.finds()
    fetch = issuer.fetch

    def hangs() -> Sequence[jwt.PyJWK]:
        gate.wait()
        return fetch()

    issuer.keys._fetch = hangs
    issuer.seconds = FRESH_SECONDS + 1
    assert {issuer.finds() for _ in range(3)} == {"rsa"}
    assert issuer.asked == 1
    gate.set()
    issuer.until_asked(2)
