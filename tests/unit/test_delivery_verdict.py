"""A broker that does any of this wrong is told so."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.delivery.cases import CARRIED, CASES, REFUSALS, REPLY, Case
from tests.cluster.delivery.verdict import expected_arrivals, wrong

CASE = {case.name: case for case in CASES}
RETRIED = CASE["503 always"]
REPLIED = CASE["a reply"]
Record = list[dict[str, Any]]


def arrival(case: Case, path: str, at: float, **attributes: str) -> dict[str, Any]:
    return {
        "path": path,
        "at": at,
        "structured": False,
        "attributes": {**case.attributes, **attributes},
        "headers": {"content-type": "application/json", "prefer": "reply", **CARRIED},
        "data": json.dumps(case.data),
    }


def right(case: Case) -> Record:
    """What comes of a case through a broker without fault."""
    attempts = [arrival(case, "/", at) for at in (0, 0.3, 0.9)[: case.attempts]]
    letters = [arrival(case, "/dead-letter", at) for at in (2, 3, 4)[: case.letters]]
    replies = [
        arrival(case, "/reply", 3, id=f"{case.id}-reply", type=REPLY, source="/subscriber") for _ in range(case.replies)
    ]
    return attempts + letters + replies


def other_trace(record: Record) -> None:
    record[0]["headers"]["traceparent"] = f"00-{'1' * 32}-b7ad6b7169203331-01"


WRONG: dict[str, tuple[Case, Callable[[Record], object], str]] = {
    "an attempt too few": (RETRIED, lambda record: record.pop(0), "2 attempts, not 3"),
    "no dead letter": (RETRIED, lambda record: record.pop(), "0 dead letters, not 1"),
    "a dead letter too many": (RETRIED, lambda record: record.append(record[-1]), "2 dead letters, not 1"),
    "an attempt too soon": (
        RETRIED,
        lambda record: record[1].update(at=0.29),
        "0.290 s before the next attempt, not 0.3",
    ),
    "a backoff that stays": (
        RETRIED,
        lambda record: record[2].update(at=0.6),
        "0.300 s before the next attempt, not 0.6",
    ),
    "another id": (RETRIED, lambda record: record[1]["attributes"].update(id="x"), "2 attempts, not 3"),
    "another source": (
        RETRIED,
        lambda record: record[1]["attributes"].update(source="/x"),
        "the attribute source is '/x'",
    ),
    "an extension lost": (
        RETRIED,
        lambda record: record[3]["attributes"].pop("note"),
        "the attribute note is None",
    ),
    "other data": (RETRIED, lambda record: record[0].update(data="{}"), "the data are not those that were published"),
    "structured mode": (RETRIED, lambda record: record[0].update(structured=True), "it came in structured mode"),
    "no content type": (RETRIED, lambda record: record[0]["headers"].pop("content-type"), "the content type is None"),
    "a password": (
        RETRIED,
        lambda record: record[0]["headers"].update(authorization="x"),
        "the header authorization passed",
    ),
    "no trace": (RETRIED, lambda record: record[0]["headers"].pop("traceparent"), "the header traceparent is None"),
    "another trace": (RETRIED, other_trace, f"the header traceparent is 00-{'1' * 32}-b7ad6b7169203331-01"),
    "no wish for a reply": (RETRIED, lambda record: record[0]["headers"].pop("prefer"), "the header prefer is None"),
    "another reason": (
        RETRIED,
        lambda record: record[3]["attributes"].update(knativeerrorcode="400"),
        "the dead letter's knativeerrorcode is 400",
    ),
    "no reply": (REPLIED, lambda record: record.pop(), "0 replies, not 1"),
    "a reply to everyone": (REPLIED, lambda record: record[-1].update(path="/"), "the reply came to /"),
    "an event to whom it does not concern": (
        CASE["a longer type"],
        lambda record: record.append(arrival(CASE["a longer type"], "/", 0)),
        "1 attempts, not 0",
    ),
    "one of two": (CASE["the same event twice"], lambda record: record.pop(), "1 attempts, not 2"),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_faultless_record_is_not_faulted(case: Case) -> None:
    others = [one for other in CASES if other != case for one in right(other)]
    assert not wrong(case, [202] * case.copies, [*others, *right(case)])


@pytest.mark.parametrize(("case", "spoil", "expected"), WRONG.values(), ids=WRONG)
def test_a_fault_is_named(case: Case, spoil: Callable[[Record], object], expected: str) -> None:
    record = copy.deepcopy(right(case))
    spoil(record)
    assert expected in wrong(case, [202] * case.copies, record)


def test_a_dead_letter_may_carry_its_reason() -> None:
    record = right(RETRIED)
    record[3]["attributes"]["knativeerrorcode"] = "503"
    assert not wrong(RETRIED, [202], record)


def test_an_ingress_that_refuses_an_event_or_takes_a_non_event_is_at_fault() -> None:
    assert wrong(RETRIED, [500], right(RETRIED)) == ["the ingress answered 500, not 202"]
    assert wrong(REFUSALS[0], [202], []) == ["the ingress answered 202, not 405"]
    assert not wrong(REFUSALS[0], [405], [])


def test_the_names_of_the_cases_tell_them_apart() -> None:
    names = [case.name for case in CASES] + [refusal.name for refusal in REFUSALS]
    assert len(set(names)) == len(names)
    assert expected_arrivals(CASES) == sum(len(right(case)) for case in CASES)
