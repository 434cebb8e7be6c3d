"""Job ids: new ones in the order of time, derived ones the same each time; and the one source of chance."""

import random
import uuid
from datetime import datetime

_DERIVED = uuid.uuid5(uuid.NAMESPACE_URL, "urn:otel-worker:job")

chance: random.Random = random.SystemRandom()  # a simulation puts a seeded one here


def token() -> str:
    """16 hex digits that nobody else has."""
    return f"{chance.getrandbits(64):016x}"


def new_job_id(now: datetime) -> str:
    """A UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then chance."""
    bits = int(now.timestamp() * 1000) << 80 | chance.getrandbits(80)
    bits = bits & ~(0xF << 76) | 0x7 << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=bits))


def job_id_of_key(idempotency_key: str) -> str:
    """The one job that submissions with this Idempotency-Key mean (a UUIDv5)."""
    return str(uuid.uuid5(_DERIVED, f"key\n{idempotency_key}"))


def job_id_of_event(source: str, event_id: str) -> str:
    """The one job that a foreign event means, however often it is delivered (a UUIDv5)."""
    return str(uuid.uuid5(_DERIVED, f"event\n{source}\n{event_id}"))


def is_derived(job_id: str) -> bool:
    """Whether the same id may be asked for again: then what stands under it is never taken away."""
    return uuid.UUID(job_id).version == 5
