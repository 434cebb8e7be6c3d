"""Verdict on the deliveries of a broker."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from tests.cluster.delivery.cases import (
    BACKOFF_SECONDS,
    DROPPED,
    REPLY_TYPE,
    TIMEOUT_SECONDS,
    TRACE_ID,
    DeliveryCase,
    Rejection,
)

Arrival = Mapping[str, Any]  # a delivery that subscriber.py recorded
QUIET_SECONDS = TIMEOUT_SECONDS + 2 * BACKOFF_SECONDS + 1.5  # longer than any pending retry takes


def find_errors(case: DeliveryCase | Rejection, statuses: Sequence[int], received: Iterable[Arrival]) -> list[str]:
    """Describe the errors of one case. `statuses` are the ingress' responses, `received` the arrivals of all cases."""
    if isinstance(case, Rejection):
        return [f"ingress status {status} instead of {case.status}" for status in statuses if status != case.status]
    errors = [f"ingress status {status} instead of 202" for status in statuses if status != 202]
    arrivals = list(received)
    attempts = _select("/", case.id, arrivals)
    dead_letters = _select("/dead-letter", case.id, arrivals)
    replies = [arrival for arrival in arrivals if arrival["attributes"].get("id") == f"{case.id}-reply"]
    for name, actual, expected in (
        ("attempts", attempts, case.attempts),
        ("dead letters", dead_letters, case.dead_letters),
        ("replies", replies, case.replies),
    ):
        if len(actual) != expected:
            errors.append(f"{len(actual)} {name} instead of {expected}")
    if case.copies == 1:
        errors += [*_backoff_errors("attempt", attempts), *_backoff_errors("dead letter", dead_letters)]
    for arrival in (*attempts, *dead_letters):
        errors += _event_errors(case, arrival)
    for dead_letter in dead_letters:
        code = dead_letter["attributes"].get("knativeerrorcode")
        if code not in {None, *_error_codes(case)}:
            errors.append(f"the dead letter's knativeerrorcode is {code}")
    for reply in replies:
        errors += _reply_errors(reply)
    return errors


def count_arrivals(cases: Iterable[DeliveryCase]) -> int:
    """Return the expected number of deliveries of all cases."""
    return sum(case.attempts + case.dead_letters + case.replies for case in cases)


def _select(path: str, event_id: str, arrivals: Iterable[Arrival]) -> list[Arrival]:
    return [arrival for arrival in arrivals if arrival["path"] == path and arrival["attributes"].get("id") == event_id]


def _backoff_errors(name: str, arrivals: Sequence[Arrival]) -> list[str]:
    """Check the lower bounds of the backoff. There are no upper bounds, because a busy machine is late."""
    times = [arrival["at"] for arrival in arrivals]
    bounds = [(after - before, BACKOFF_SECONDS * 2**number) for number, (before, after) in enumerate(pairwise(times))]
    return [f"{gap:.3f} s before the next {name} instead of {bound:.1f}" for gap, bound in bounds if gap < bound]


def _error_codes(case: DeliveryCase) -> set[str]:
    """Return the valid values of knativeerrorcode. After a 2xx that is an error they depend on the broker."""
    status = case.reactions[-1].status
    return {str(status)} if status >= 300 else {"500", "502"}


def _event_errors(case: DeliveryCase, arrival: Arrival) -> list[str]:
    errors = [
        f"the attribute {name} is {arrival['attributes'].get(name)!r}"
        for name, text in case.attributes.items()
        if arrival["attributes"].get(name) != text
    ]
    sent = json.dumps(case.data)
    if (json.loads(arrival["data"] or "null") != case.data) if case.structured else (arrival["data"] != sent):
        errors.append("the data differ from the published ones")
    if arrival["headers"].get("content-type") not in {"application/json", *([None] if case.structured else [])}:
        errors.append(f"the content type is {arrival['headers'].get('content-type')}")
    if arrival["structured"]:
        errors.append("the delivery is in structured mode")
    return errors + _header_errors(arrival)


def _reply_errors(reply: Arrival) -> list[str]:
    errors = [] if reply["path"] == "/reply" else [f"the reply was delivered to {reply['path']}"]
    if reply["attributes"].get("type") != REPLY_TYPE or reply["attributes"].get("source") != "/subscriber":
        errors.append(f"the reply's attributes are {reply['attributes']}")
    return errors + _header_errors(reply)


def _header_errors(arrival: Arrival) -> list[str]:
    headers = arrival["headers"]
    errors = [f"the header {name} was forwarded" for name in DROPPED if name in headers]
    if headers.get("traceparent", "").split("-")[1:2] != [TRACE_ID]:
        errors.append(f"the header traceparent is {headers.get('traceparent')}")
    if arrival["path"] != "/dead-letter" and headers.get("prefer") != "reply":
        errors.append(f"the header prefer is {headers.get('prefer')}")
    return errors
