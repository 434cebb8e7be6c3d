"""Job IDs and tokens. New IDs sort by time, derived IDs are deterministic."""

import random
import uuid
from datetime import datetime

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:otel-worker:job")

rng: random.Random = random.SystemRandom()  # the simulation replaces it by a seeded generator


def token() -> str:
    """Return 16 random hexadecimal digits."""
    return f"{rng.getrandbits(64):016x}"


def new_job_id(now: datetime) -> str:
    """Return a UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then random bits."""
    bits = int(now.timestamp() * 1000) << 80 | rng.getrandbits(80)
    bits = bits & ~(0xF << 76) | 0x7 << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=bits))


def job_id_of_key(idempotency_key: str) -> str:
    """Return the ID of all submissions with this Idempotency-Key (a UUIDv5)."""
    return str(uuid.uuid5(_NAMESPACE, f"key\n{idempotency_key}"))


def job_id_of_event(source: str, event_id: str) -> str:
    """Return the ID of an event of another producer, the same for each delivery (a UUIDv5)."""
    return str(uuid.uuid5(_NAMESPACE, f"event\n{source}\n{event_id}"))


def is_derived(job_id: str) -> bool:
    """Whether a later request may derive the same ID. What is stored under such an ID is never removed entirely."""
    return uuid.UUID(job_id).version == 5
