"""The delivery verdict detects each error of a broker."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.delivery.cases import CASES, FORWARDED, REJECTIONS, REPLY_TYPE, DeliveryCase
from tests.cluster.delivery.verdict import count_arrivals, find_errors

CASES_BY_NAME = {case.name: case for case in CASES}
RETRIED = CASES_BY_NAME["503 always"]
REPLIED = CASES_BY_NAME["a reply"]
Arrivals = list[dict[str, Any]]


def arrival(case: DeliveryCase, path: str, at: float, **attributes: str) -> dict[str, Any]:
    return {
        "path": path,
        "at": at,
        "structured": False,
        "attributes": {**case.attributes, **attributes},
        "headers": {"content-type": "application/json", "prefer": "reply", **FORWARDED},
        "data": json.dumps(case.data),
    }


def correct_arrivals(case: DeliveryCase) -> Arrivals:
    """Return the arrivals of a case with a correct broker."""
    attempts = [arrival(case, "/", at) for at in (0, 0.3, 0.9)[: case.attempts]]
    dead_letters = [arrival(case, "/dead-letter", at) for at in (2, 3, 4)[: case.dead_letters]]
    replies = [
        arrival(case, "/reply", 3, id=f"{case.id}-reply", type=REPLY_TYPE, source="/subscriber")
        for _ in range(case.replies)
    ]
    return attempts + dead_letters + replies


def change_trace(arrivals: Arrivals) -> None:
    arrivals[0]["headers"]["traceparent"] = f"00-{'1' * 32}-b7ad6b7169203331-01"


ERRORS: dict[str, tuple[DeliveryCase, Callable[[Arrivals], object], str]] = {
    "missing attempt": (RETRIED, lambda arrivals: arrivals.pop(0), "2 attempts instead of 3"),
    "missing dead letter": (RETRIED, lambda arrivals: arrivals.pop(), "0 dead letters instead of 1"),
    "extra dead letter": (RETRIED, lambda arrivals: arrivals.append(arrivals[-1]), "2 dead letters instead of 1"),
    "retry before the backoff": (
        RETRIED,
        lambda arrivals: arrivals[1].update(at=0.29),
        "0.290 s before the next attempt instead of 0.3",
    ),
    "constant backoff": (
        RETRIED,
        lambda arrivals: arrivals[2].update(at=0.6),
        "0.300 s before the next attempt instead of 0.6",
    ),
    "changed id": (RETRIED, lambda arrivals: arrivals[1]["attributes"].update(id="x"), "2 attempts instead of 3"),
    "changed source": (
        RETRIED,
        lambda arrivals: arrivals[1]["attributes"].update(source="/x"),
        "the attribute source is '/x'",
    ),
    "missing extension": (
        RETRIED,
        lambda arrivals: arrivals[3]["attributes"].pop("note"),
        "the attribute note is None",
    ),
    "changed data": (
        RETRIED,
        lambda arrivals: arrivals[0].update(data="{}"),
        "the data differ from the published ones",
    ),
    "structured mode": (
        RETRIED,
        lambda arrivals: arrivals[0].update(structured=True),
        "the delivery is in structured mode",
    ),
    "missing content type": (
        RETRIED,
        lambda arrivals: arrivals[0]["headers"].pop("content-type"),
        "the content type is None",
    ),
    "forwarded authorization": (
        RETRIED,
        lambda arrivals: arrivals[0]["headers"].update(authorization="x"),
        "the header authorization was forwarded",
    ),
    "missing trace": (
        RETRIED,
        lambda arrivals: arrivals[0]["headers"].pop("traceparent"),
        "the header traceparent is None",
    ),
    "changed trace": (RETRIED, change_trace, f"the header traceparent is 00-{'1' * 32}-b7ad6b7169203331-01"),
    "missing prefer header": (
        RETRIED,
        lambda arrivals: arrivals[0]["headers"].pop("prefer"),
        "the header prefer is None",
    ),
    "wrong error code": (
        RETRIED,
        lambda arrivals: arrivals[3]["attributes"].update(knativeerrorcode="400"),
        "the dead letter's knativeerrorcode is 400",
    ),
    "missing reply": (REPLIED, lambda arrivals: arrivals.pop(), "0 replies instead of 1"),
    "reply to the wrong subscriber": (
        REPLIED,
        lambda arrivals: arrivals[-1].update(path="/"),
        "the reply was delivered to /",
    ),
    "event that does not match the filter": (
        CASES_BY_NAME["a longer type"],
        lambda arrivals: arrivals.append(arrival(CASES_BY_NAME["a longer type"], "/", 0)),
        "1 attempts instead of 0",
    ),
    "missing duplicate": (
        CASES_BY_NAME["the same event twice"],
        lambda arrivals: arrivals.pop(),
        "1 attempts instead of 2",
    ),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_correct_deliveries_have_no_errors(case: DeliveryCase) -> None:
    others = [arrival for other in CASES if other != case for arrival in correct_arrivals(other)]
    assert not find_errors(case, [202] * case.copies, [*others, *correct_arrivals(case)])


@pytest.mark.parametrize(("case", "change", "expected"), ERRORS.values(), ids=ERRORS)
def test_delivery_error_is_detected(case: DeliveryCase, change: Callable[[Arrivals], object], expected: str) -> None:
    arrivals = copy.deepcopy(correct_arrivals(case))
    change(arrivals)
    assert expected in find_errors(case, [202] * case.copies, arrivals)


def test_dead_letter_may_have_an_error_code() -> None:
    arrivals = correct_arrivals(RETRIED)
    arrivals[3]["attributes"]["knativeerrorcode"] = "503"
    assert not find_errors(RETRIED, [202], arrivals)


def test_ingress_must_accept_events_and_reject_invalid_requests() -> None:
    assert find_errors(RETRIED, [500], correct_arrivals(RETRIED)) == ["ingress status 500 instead of 202"]
    assert find_errors(REJECTIONS[0], [202], []) == ["ingress status 202 instead of 405"]
    assert not find_errors(REJECTIONS[0], [405], [])


def test_case_names_are_unique() -> None:
    names = [case.name for case in CASES] + [rejection.name for rejection in REJECTIONS]
    assert len(set(names)) == len(names)
    assert count_arrivals(CASES) == sum(len(correct_arrivals(case)) for case in CASES)
