"""Workload of a run: jobs by submission or by event, some of them requested twice concurrently."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared import ids
from tests.chaos import days

EVENT_SOURCE = "/chaos/producer"
_DUPLICATE_PROBABILITY = 0.2
_EVENT_PROBABILITY = 0.15
_LONG_DAY_PROBABILITY, _EMPTY_DAY_PROBABILITY = 0.3, 0.06
RETRIED_STATUSES = frozenset({0, 408, 429, *range(500, 600)})  # 0 if there is no response


@dataclass
class PlannedJob:
    """A job to request, and the responses to all of its requests so far.

    `name` is the Idempotency-Key of a submission, or the event id if `by_event` is set. `job_id` is derived from it.
    """

    name: str
    job_id: str
    task: days.Task
    by_event: bool = False
    responses: list[tuple[int, str]] = field(default_factory=list)  # status, job_id

    @property
    def accepted(self) -> bool:
        return any(status == 202 for status, _ in self.responses)

    @property
    def rejections(self) -> list[int]:
        """The statuses that a valid request must not get."""
        return [status for status, _ in self.responses if status != 202 and status not in RETRIED_STATUSES]

    @property
    def job_ids(self) -> set[str]:
        """The job ids in the responses, or the derived one before any. More than one id is an error."""
        returned = {self.job_id if self.by_event else job_id for status, job_id in self.responses if status == 202}
        return returned or {self.job_id}


def plan_jobs(seed: int) -> Iterator[tuple[PlannedJob, int]]:
    """Yield endlessly a job and the number of callers that request it concurrently."""
    rng = random.Random(f"{seed} jobs")
    number = 0
    while True:
        number += 1
        x = rng.random()
        if x < _LONG_DAY_PROBABILITY:
            task = rng.choice(days.LONG_DAYS).task
        else:
            task = rng.choice(days.EMPTY if x < _LONG_DAY_PROBABILITY + _EMPTY_DAY_PROBABILITY else days.SAMPLE)
        name = f"chaos-{seed}-{number}"
        if rng.random() < _EVENT_PROBABILITY:
            job = PlannedJob(name, ids.job_id_of_event(EVENT_SOURCE, name), task, by_event=True)
        else:
            job = PlannedJob(name, ids.job_id_of_key(name), task)
        yield job, 2 if rng.random() < _DUPLICATE_PROBABILITY else 1
