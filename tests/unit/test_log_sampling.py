import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.telemetry.log_sampling import KINDS, LINES, SECONDS, Sampling
from shared.telemetry.rate_limit import RateLimit


class Log:
    """Records through a Sampling whose clock stands still until it is set."""

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


def test_a_flood_leaves_so_many_lines_and_a_number(log: Log) -> None:
    assert [log.passes() for _ in range(LINES + 7)] == [True] * LINES + [False] * 7
    log.now = SECONDS
    record = log.record()
    assert log.sampling.filter(record)
    assert record.__dict__["suppressed"] == 7
    following = log.record()
    assert log.sampling.filter(following)
    assert "suppressed" not in following.__dict__


@pytest.mark.parametrize(
    "other", [{"message": "other"}, {"name": "shared.events"}, {"level": logging.WARNING}], ids=lambda one: str(*one)
)
def test_another_kind_of_line_is_not_held_back(log: Log, other: dict[str, str]) -> None:
    for _ in range(LINES + 1):
        log.passes()
    assert not log.passes()
    assert log.passes(**other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "spared", [{"name": "shared.jobs.audit"}, {"level": logging.CRITICAL}], ids=lambda one: str(*one)
)
def test_audit_and_critical_lines_always_come_through(log: Log, spared: dict[str, str]) -> None:
    assert all(log.passes(**spared) for _ in range(3 * LINES))  # type: ignore[arg-type]


def test_what_is_remembered_has_a_bound_and_the_longest_unseen_goes_first(log: Log) -> None:
    for _ in range(LINES):
        log.passes("flood")
    for number in range(3 * KINDS):
        log.passes(f"line {number}")
        assert not log.passes("flood")
    assert len(log.sampling._kinds) == KINDS


def test_threads_together_get_no_more_lines(log: Log) -> None:
    with ThreadPoolExecutor(4) as pool:
        passed = list(pool.map(lambda _: log.passes(), range(200)))
    assert passed.count(True) == LINES


def test_a_limit_holds_over_any_stretch_of_time() -> None:
    limit = RateLimit(2, 10)
    taken = [second for second in range(26) if limit.take(second)]
    assert taken == [0, 1, 10, 11, 20, 21]
