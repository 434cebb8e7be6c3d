"""Limits of the attempts of a job, after which the sweep fails it."""

from shared.errors import JobFailed
from shared.models import Record

_MAX_EXPIRED_LEASES = 5
_MAX_RELEASES = 100  # brokers with a dead-letter sink stop redelivering much earlier
_MAX_REDISPATCHES = 24  # the interval grows to an hour, so this takes most of a day
# More attempts than a job can have: those that died, those that gave up, and the running one.
MAX_ATTEMPTS = _MAX_EXPIRED_LEASES + _MAX_RELEASES + 1


def exceeded(record: Record) -> JobFailed | None:
    """Return the error of a job that has used up its attempts, or None."""
    if record.expired_leases >= _MAX_EXPIRED_LEASES:
        reason = f"{record.expired_leases} attempts ended without a result"
    elif record.released_attempts >= _MAX_RELEASES:
        reason = f"{record.released_attempts} attempts failed temporarily"
    elif record.redispatch_count >= _MAX_REDISPATCHES:
        reason = f"The calculation was requested {record.redispatch_count} times and never started"
    else:
        return None
    return JobFailed("TOO_MANY_ATTEMPTS", reason)
