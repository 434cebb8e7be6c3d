"""Job ids: new ones in the order of time, derived ones the same each time."""

import secrets
import uuid
from datetime import datetime

_DERIVED = uuid.uuid5(uuid.NAMESPACE_URL, "urn:otel-worker:job")


def new_job_id(now: datetime) -> str:
    """A UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then chance."""
    bits = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    bits = bits & ~(0xF << 76) | 0x7 << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=bits))


def job_id_of_key(idempotency_key: str) -> str:
    """The one job that submissions with this Idempotency-Key mean (a UUIDv5)."""
    return str(uuid.uuid5(_DERIVED, f"key\n{idempotency_key}"))


def job_id_of_event(source: str, event_id: str) -> str:
    """The one job that a foreign event means, however often it is delivered (a UUIDv5)."""
    return str(uuid.uuid5(_DERIVED, f"event\n{source}\n{event_id}"))
