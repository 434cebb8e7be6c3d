"""How often each caller may ask."""

import logging

import pytest
from redis import SSLConnection

from shared.auth.rate_limits import RateLimiter, _opened
from shared.errors import RateLimited, SettingsError


def test_each_caller_has_as_many_a_minute_and_no_more() -> None:
    limits = RateLimiter({"calculate": 3, "status": 5})
    left = [limits.hit("calculate", "ada")["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    with pytest.raises(RateLimited, match="Rate limit exceeded") as caught:
        limits.hit("calculate", "ada")
    told = caught.value.headers
    assert told["RateLimit-Limit"] == "3"
    assert told["RateLimit-Remaining"] == "0"
    assert 0 < int(told["Retry-After"]) == int(told["RateLimit-Reset"]) <= 60


def test_one_callers_requests_and_one_kind_are_not_anothers() -> None:
    limits = RateLimiter({"calculate": 1, "status": 2})
    limits.hit("calculate", "ada")
    assert limits.hit("calculate", "bob")["RateLimit-Remaining"] == "0"
    assert limits.hit("status", "ada")["RateLimit-Remaining"] == "1"


def test_a_store_that_is_away_stops_nobody_and_is_left_alone_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    limits = RateLimiter({"calculate": 3}, "redis://:secret@127.0.0.1:9/0", lambda: now[0])
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            limits.hit("calculate", "ada")
        with pytest.raises(RateLimited):  # it is counted here meanwhile
            limits.hit("calculate", "ada")
        assert len(caplog.records) == 1
        now[0] = 11
        with pytest.raises(RateLimited):
            limits.hit("calculate", "ada")
    assert [(one.getMessage(), one.__dict__["cause"]) for one in caplog.records] == [
        ("limits are counted in each process", "ConnectionError")
    ] * 2


def test_what_is_no_stores_url_stops_the_start_and_is_not_told() -> None:
    with pytest.raises(SettingsError) as caught:
        RateLimiter({"calculate": 3}, "redis://:secret@host:port/0")
    assert str(caught.value) == "RATE_LIMIT_STORE: this is no URL of a Redis or Valkey server"


@pytest.mark.parametrize(
    ("url", "host", "tls"),
    [
        ("valkey://valkey.example:6379/1", "valkey.example", False),
        ("redis://valkey.example/1", "valkey.example", False),
        ("valkeys://store.example/1", "store.example", True),
    ],
)
def test_valkey_is_spoken_to_as_redis_is(url: str, host: str, tls: bool) -> None:
    pool = _opened(url).storage.connection_pool
    assert (pool.connection_kwargs["host"], pool.connection_kwargs["db"]) == (host, 1)
    assert issubclass(pool.connection_class, SSLConnection) is tls
