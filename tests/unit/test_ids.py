import uuid
from datetime import UTC, datetime, timedelta

from shared.ids import job_id_of_event, job_id_of_key, new_job_id

NOW = datetime(2026, 1, 25, 12, tzinfo=UTC)


def test_new_id_is_uuid7_with_its_milliseconds() -> None:
    new_id = uuid.UUID(new_job_id(NOW))
    assert (new_id.version, new_id.variant) == (7, uuid.RFC_4122)
    assert new_id.int >> 80 == int(NOW.timestamp() * 1000)


def test_new_ids_sort_by_time_and_are_unique() -> None:
    new_ids = [new_job_id(NOW + timedelta(milliseconds=step)) for step in range(100)]
    assert new_ids == sorted(new_ids)
    assert len({new_job_id(NOW) for _ in range(1000)}) == 1000


def test_derived_ids_are_deterministic_and_distinct() -> None:
    assert job_id_of_key("a") == job_id_of_key("a") != job_id_of_key("b")
    assert job_id_of_event("s", "1") == job_id_of_event("s", "1")
    assert (
        len({job_id_of_event("s", "1"), job_id_of_event("s", "2"), job_id_of_event("t", "1"), job_id_of_key("s")}) == 4
    )
