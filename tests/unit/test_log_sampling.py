import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.telemetry.log_sampling import INTERVAL_SECONDS, MAX_KINDS, MAX_RECORDS, Sampling
from shared.telemetry.rate_limit import RateLimit


class Log:
    """Filters records with a manual clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sampling = Sampling(lambda: self.now)

    def passes(self, message: str = "away: %s", name: str = "shared.http.service", level: int = logging.ERROR) -> bool:
        return self.sampling.filter(self.record(message, name, level))

    def record(
        self, message: str = "away: %s", name: str = "shared.http.service", level: int = logging.ERROR
    ) -> logging.LogRecord:
        return logging.LogRecord(name, level, "", 1, message, ("x",), None)


@pytest.fixture
def log() -> Log:
    return Log()


def test_excess_records_are_suppressed_and_counted(log: Log) -> None:
    assert [log.passes() for _ in range(MAX_RECORDS + 7)] == [True] * MAX_RECORDS + [False] * 7
    log.now = INTERVAL_SECONDS
    record = log.record()
    assert log.sampling.filter(record)
    assert record.__dict__["suppressed"] == 7
    following = log.record()
    assert log.sampling.filter(following)
    assert "suppressed" not in following.__dict__


@pytest.mark.parametrize(
    "other",
    [{"message": "other"}, {"name": "shared.events"}, {"level": logging.WARNING}],
    ids=lambda fields: str(*fields),
)
def test_kinds_of_records_are_limited_separately(log: Log, other: dict[str, str]) -> None:
    for _ in range(MAX_RECORDS + 1):
        log.passes()
    assert not log.passes()
    assert log.passes(**other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "unlimited", [{"name": "shared.jobs.audit"}, {"level": logging.CRITICAL}], ids=lambda fields: str(*fields)
)
def test_audit_and_critical_records_always_pass(log: Log, unlimited: dict[str, str]) -> None:
    assert all(log.passes(**unlimited) for _ in range(3 * MAX_RECORDS))  # type: ignore[arg-type]


def test_least_recently_used_kind_is_evicted(log: Log) -> None:
    for _ in range(MAX_RECORDS):
        log.passes("flood")
    for number in range(3 * MAX_KINDS):
        log.passes(f"line {number}")
        assert not log.passes("flood")
    assert len(log.sampling._kinds) == MAX_KINDS


def test_limit_applies_across_threads(log: Log) -> None:
    with ThreadPoolExecutor(4) as pool:
        passed = list(pool.map(lambda _: log.passes(), range(200)))
    assert passed.count(True) == MAX_RECORDS


def test_rate_limit_uses_a_sliding_window() -> None:
    limit = RateLimit(2, 10)
    allowed = [second for second in range(26) if limit.acquire(second)]
    assert allowed == [0, 1, 10, 11, 20, 21]
