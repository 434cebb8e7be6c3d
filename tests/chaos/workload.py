"""What is asked for, as the seed decides: jobs by submission and by event, some of them twice at once."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared import ids
from tests.chaos import days

SOURCE = "/chaos/producer"
_TWICE = 0.2
_FOREIGN = 0.15
_LONG, _EMPTY = 0.3, 0.06
RETRIED = frozenset({0, 408, 429, *range(500, 600)})  # 0 is no answer


@dataclass
class Wish:
    """One job that is wanted, however often it is asked for: its key, its derived id, and every answer so far.

    `name` is an Idempotency-Key or, if the wish is `foreign`, the id of another producer's event.
    """

    name: str
    job_id: str
    task: days.Task
    foreign: bool = False
    answers: list[tuple[int, str]] = field(default_factory=list)  # status, job_id

    @property
    def accepted(self) -> bool:
        return any(status == 202 for status, _ in self.answers)

    @property
    def refused(self) -> list[int]:
        """The statuses that no valid request should get."""
        return [status for status, _ in self.answers if status != 202 and status not in RETRIED]

    @property
    def ids(self) -> set[str]:
        """The jobs that the callers were told of: one, if all is well."""
        told = {self.job_id if self.foreign else job_id for status, job_id in self.answers if status == 202}
        return told or {self.job_id}


def wishes(seed: int) -> Iterator[tuple[Wish, int]]:
    """Without end: each wish, and how many callers ask for it at once."""
    chance = random.Random(f"{seed} wishes")
    number = 0
    while True:
        number += 1
        kind = chance.random()
        if kind < _LONG:
            task = chance.choice(days.LONG).task
        else:
            task = chance.choice(days.EMPTY if kind < _LONG + _EMPTY else days.SAMPLE)
        name = f"chaos-{seed}-{number}"
        if chance.random() < _FOREIGN:
            wish = Wish(name, ids.job_id_of_event(SOURCE, name), task, foreign=True)
        else:
            wish = Wish(name, ids.job_id_of_key(name), task)
        yield wish, 2 if chance.random() < _TWICE else 1
