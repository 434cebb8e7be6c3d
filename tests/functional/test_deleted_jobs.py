"""Deliveries for a deleted job whose id is used again."""

from shared.ids import job_id_of_key
from shared.jobs import csv_keys, deletion
from tests.builders import record
from tests.functional.calculate_function import Calculate, request_event

KEYED = job_id_of_key("tuesday")


def test_event_of_a_deleted_job_does_not_affect_the_recreated_job() -> None:
    calculate = Calculate()
    calculate.create(job_id=KEYED)
    calculate.jobs.claim(KEYED)
    deletion.delete(calculate.jobs, calculate.csvs, KEYED)

    def recreate(name: str, key: str) -> None:
        """Recreate the job after the claim has read the tombstone."""
        if name == "get" and reads:
            calculate.jobs_bucket.before = lambda name, key: None
            calculate.clock.advance(seconds=1)
            calculate.jobs.create(record(job_id=KEYED, queued_at=calculate.clock.now), replace_deleted=True)
            calculate.csvs.put(csv_keys.key(calculate.jobs.claim(KEYED).record), b"running")
        elif name == "get":
            reads.append(key)

    reads: list[str] = []
    calculate.jobs_bucket.before = recreate
    data = {"job_id": KEYED, "date": "2026-01-25", "device_id": "iphone_stuart"}
    assert calculate.deliver(request_event(data, id=KEYED)).status_code == 204
    assert len(calculate.csvs.objects) == 1
