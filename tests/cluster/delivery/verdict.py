"""Whether a broker did with an event what it must."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from tests.cluster.delivery.cases import BACKOFF_SECONDS, DROPPED, REPLY, TIMEOUT_SECONDS, TRACE_ID, Case, Refusal

Arrival = Mapping[str, Any]  # what subscriber.py noted
QUIET_SECONDS = TIMEOUT_SECONDS + 2 * BACKOFF_SECONDS + 1.5  # nothing that is still under way takes as long


def wrong(case: Case | Refusal, answered: Sequence[int], received: Iterable[Arrival]) -> list[str]:
    """What is wrong, given the ingress' statuses and the subscriber's record of all cases; [] if all is well."""
    if isinstance(case, Refusal):
        return [f"the ingress answered {status}, not {case.status}" for status in answered if status != case.status]
    found = [f"the ingress answered {status}, not 202" for status in answered if status != 202]
    arrivals = list(received)
    attempts = _at("/", case.id, arrivals)
    letters = _at("/dead-letter", case.id, arrivals)
    replies = [one for one in arrivals if one["attributes"].get("id") == f"{case.id}-reply"]
    for what, some, expected in (
        ("attempts", attempts, case.attempts),
        ("dead letters", letters, case.letters),
        ("replies", replies, case.replies),
    ):
        if len(some) != expected:
            found.append(f"{len(some)} {what}, not {expected}")
    if case.copies == 1:
        found += [*_gaps("attempt", attempts), *_gaps("dead letter", letters)]
    for arrival in (*attempts, *letters):
        found += _changed(case, arrival)
    for letter in letters:
        code = letter["attributes"].get("knativeerrorcode")
        if code not in {None, *_reasons(case)}:
            found.append(f"the dead letter's knativeerrorcode is {code}")
    for reply in replies:
        found += _altered(reply)
    return found


def expected_arrivals(cases: Iterable[Case]) -> int:
    """How many deliveries all of them make."""
    return sum(case.attempts + case.letters + case.replies for case in cases)


def _at(path: str, event_id: str, arrivals: Iterable[Arrival]) -> list[Arrival]:
    return [one for one in arrivals if one["path"] == path and one["attributes"].get("id") == event_id]


def _gaps(what: str, arrivals: Sequence[Arrival]) -> list[str]:
    """Lower bounds only: a busy machine is late."""
    times = [one["at"] for one in arrivals]
    bounds = [(after - before, BACKOFF_SECONDS * 2**number) for number, (before, after) in enumerate(pairwise(times))]
    return [f"{gap:.3f} s before the next {what}, not {bound:.1f}" for gap, bound in bounds if gap < bound]


def _reasons(case: Case) -> set[str]:
    """What knativeerrorcode may be; a broker has words of its own for what was no failure by its status."""
    status = case.answers[-1].status
    return {str(status)} if status >= 300 else {"500", "502"}


def _changed(case: Case, arrival: Arrival) -> list[str]:
    found = [
        f"the attribute {name} is {arrival['attributes'].get(name)!r}"
        for name, text in case.attributes.items()
        if arrival["attributes"].get(name) != text
    ]
    sent = json.dumps(case.data)
    if (json.loads(arrival["data"] or "null") != case.data) if case.structured else (arrival["data"] != sent):
        found.append("the data are not those that were published")
    if arrival["headers"].get("content-type") not in {"application/json", *([None] if case.structured else [])}:
        found.append(f"the content type is {arrival['headers'].get('content-type')}")
    if arrival["structured"]:
        found.append("it came in structured mode")
    return found + _headers(arrival)


def _altered(reply: Arrival) -> list[str]:
    found = [] if reply["path"] == "/reply" else [f"the reply came to {reply['path']}"]
    if reply["attributes"].get("type") != REPLY or reply["attributes"].get("source") != "/subscriber":
        found.append(f"the reply's attributes are {reply['attributes']}")
    return found + _headers(reply)


def _headers(arrival: Arrival) -> list[str]:
    headers = arrival["headers"]
    found = [f"the header {name} passed" for name in DROPPED if name in headers]
    if headers.get("traceparent", "").split("-")[1:2] != [TRACE_ID]:
        found.append(f"the header traceparent is {headers.get('traceparent')}")
    if arrival["path"] != "/dead-letter" and headers.get("prefer") != "reply":
        found.append(f"the header prefer is {headers.get('prefer')}")
    return found
