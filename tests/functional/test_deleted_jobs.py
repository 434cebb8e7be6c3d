"""What is still under way for a job that is deleted, and the next job of the same id."""

from shared.ids import job_id_of_key
from shared.jobs import csv_keys, deletion
from tests.builders import record
from tests.functional.calculating import Calculate, requested

KEYED = job_id_of_key("tuesday")


def test_an_event_of_a_deleted_job_takes_nothing_from_the_next_one_that_runs() -> None:
    calculate = Calculate()
    calculate.create(job_id=KEYED)
    calculate.jobs.claim(KEYED)
    deletion.delete(calculate.jobs, calculate.csvs, KEYED)

    def made_again(name: str, key: str) -> None:
        """Between the event's claim, which finds the deleted job, and whatever it does next."""
        if name == "get" and seen:
            calculate.jobs_bucket.before = lambda name, key: None
            calculate.clock.advance(seconds=1)
            calculate.jobs.create(record(job_id=KEYED, queued_at=calculate.clock.now), replace_deleted=True)
            calculate.csvs.put(csv_keys.key(calculate.jobs.claim(KEYED).record), b"about to be named")
        elif name == "get":
            seen.append(key)

    seen: list[str] = []
    calculate.jobs_bucket.before = made_again
    data = {"job_id": KEYED, "date": "2026-01-25", "device_id": "iphone_stuart"}
    assert calculate.deliver(requested(data, id=KEYED)).status_code == 204
    assert len(calculate.csvs.objects) == 1
