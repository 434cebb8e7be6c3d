"""Rate limits per caller."""

import logging

import pytest
from redis import SSLConnection

from shared.auth.rate_limits import RateLimiter, _storage
from shared.errors import RateLimited, SettingsError


def test_caller_is_limited_to_its_rate_per_minute() -> None:
    limits = RateLimiter({"calculate": 3, "status": 5})
    remaining = [limits.hit("calculate", "ada")["RateLimit-Remaining"] for _ in range(3)]
    assert remaining == ["2", "1", "0"]
    with pytest.raises(RateLimited, match="Rate limit exceeded") as caught:
        limits.hit("calculate", "ada")
    headers = caught.value.headers
    assert headers["RateLimit-Limit"] == "3"
    assert headers["RateLimit-Remaining"] == "0"
    assert 0 < int(headers["Retry-After"]) == int(headers["RateLimit-Reset"]) <= 60


def test_callers_and_kinds_are_counted_separately() -> None:
    limits = RateLimiter({"calculate": 1, "status": 2})
    limits.hit("calculate", "ada")
    assert limits.hit("calculate", "bob")["RateLimit-Remaining"] == "0"
    assert limits.hit("status", "ada")["RateLimit-Remaining"] == "1"


def test_process_counts_locally_while_store_is_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    limits = RateLimiter({"calculate": 3}, "redis://:secret@127.0.0.1:9/0", lambda: now[0])
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            limits.hit("calculate", "ada")
        with pytest.raises(RateLimited):
            limits.hit("calculate", "ada")
        assert len(caplog.records) == 1
        now[0] = 11
        with pytest.raises(RateLimited):
            limits.hit("calculate", "ada")
    assert [(record.getMessage(), record.__dict__["cause"]) for record in caplog.records] == [
        ("rate limit store is unavailable, counting in this process", "ConnectionError")
    ] * 2


def test_invalid_store_url_is_a_settings_error_without_the_url() -> None:
    with pytest.raises(SettingsError) as caught:
        RateLimiter({"calculate": 3}, "redis://:secret@host:port/0")
    assert str(caught.value) == "RATE_LIMIT_STORE: expected the URL of a Redis or Valkey server"


@pytest.mark.parametrize(
    ("url", "host", "tls"),
    [
        ("valkey://valkey.example:6379/1", "valkey.example", False),
        ("redis://valkey.example/1", "valkey.example", False),
        ("valkeys://store.example/1", "store.example", True),
    ],
)
def test_valkey_url_uses_the_redis_client(url: str, host: str, tls: bool) -> None:
    pool = _storage(url).storage.connection_pool
    assert (pool.connection_kwargs["host"], pool.connection_kwargs["db"]) == (host, 1)
    assert issubclass(pool.connection_class, SSLConnection) is tls
