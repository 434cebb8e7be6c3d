"""Whether what a subscriber received is what a case promises."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from cluster.delivery.cases import BACKOFF_SECONDS, Case

Received = Mapping[str, Any]
_EARLY_SECONDS = 0.05  # clocks and sockets may make a gap look so much shorter


def wrong(case: Case, received: Sequence[Received]) -> list[str]:
    """What is not as the case has it, of all that any subscriber received; [] if nothing."""
    mine = [one for one in received if one["attributes"]["id"] == case.id]
    attempts = [one for one in mine if one["path"] == "/"]
    letters = [one for one in mine if one["path"] == "/dead-letter"]
    replies = [one for one in received if one["attributes"]["id"] == f"{case.id}-reply"]
    found = []
    if len(attempts) != case.attempts:
        found.append(f"{len(attempts)} attempts in place of {case.attempts}")
    expected = len(case.dead_answers) if case.dead else 0
    if len(letters) != expected:
        found.append(f"{len(letters)} deliveries to the dead-letter sink in place of {expected}")
    if len(replies) != int(case.reply):
        found.append(f"{len(replies)} replies in place of {int(case.reply)}")
    found += [problem for one in (*attempts, *letters) for problem in _changed(case, one)]
    found += [f"a letter's knativeerrorcode is {code}" for code in _codes(case, letters)]
    if case.published == 1:
        found += _early(attempts)
    return found


def _changed(case: Case, one: Received) -> list[str]:
    attributes, headers = one["attributes"], one["headers"]
    wanted = {"type": case.type, "source": "/cases"} | case.attributes
    found = [f"{name} is {attributes.get(name)}" for name, text in wanted.items() if attributes.get(name) != text]
    if case.headers and "authorization" in headers:
        found.append("credentials were passed on")
    if "ab" * 16 not in headers.get("traceparent", ""):
        found.append("the trace was not passed on")
    if one["path"] == "/" and headers.get("prefer") != "reply":
        found.append("no reply was asked for")
    return found


def _codes(case: Case, letters: Sequence[Received]) -> list[str]:
    """The error codes that letters name and no answer had; naming none is allowed."""
    statuses = {str(answer["status"]) for answer in case.answers if "status" in answer}
    named = [one["attributes"].get("knativeerrorcode") for one in letters]
    return [code for code in named if code is not None and code not in statuses]


def _early(attempts: Sequence[Received]) -> list[str]:
    times = [one["at"] for one in attempts]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    return [
        f"retry {number + 1} came after {gap:.2f} s"
        for number, gap in enumerate(gaps)
        if gap < BACKOFF_SECONDS * 2**number - _EARLY_SECONDS
    ]
