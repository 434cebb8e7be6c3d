import uuid
from datetime import UTC, datetime, timedelta

from shared.ids import job_id_of_event, job_id_of_key, new_job_id

NOW = datetime(2026, 1, 25, 12, tzinfo=UTC)


def test_a_new_id_is_a_uuid_of_version_7_that_holds_its_milliseconds() -> None:
    made = uuid.UUID(new_job_id(NOW))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == int(NOW.timestamp() * 1000)


def test_new_ids_sort_by_time_and_never_repeat() -> None:
    made = [new_job_id(NOW + timedelta(milliseconds=step)) for step in range(100)]
    assert made == sorted(made)
    assert len({new_job_id(NOW) for _ in range(1000)}) == 1000


def test_derived_ids_are_the_same_each_time_and_apart_from_one_another() -> None:
    assert job_id_of_key("a") == job_id_of_key("a") != job_id_of_key("b")
    assert job_id_of_event("s", "1") == job_id_of_event("s", "1")
    assert (
        len({job_id_of_event("s", "1"), job_id_of_event("s", "2"), job_id_of_event("t", "1"), job_id_of_key("s")}) == 4
    )
