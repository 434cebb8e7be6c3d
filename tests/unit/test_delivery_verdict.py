"""The judge of deliveries sees each way in which they can be wrong."""

from collections.abc import Callable
from typing import Any

import pytest

from cluster.delivery.cases import CASES, TYPE, Case
from cluster.delivery.verdict import wrong

FAILS = Case("fails", ({"status": 500},), attempts=3, dead=True)
REPLIES = Case("replies", ({"status": 200, "body": "event"},), reply=True)
Record = dict[str, Any]


def came(case: Case, path: str = "/", at: float = 0.0, **attributes: str) -> Record:
    said = {"id": case.id, "type": case.type, "source": "/cases"} | case.attributes | attributes
    headers = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"} | ({"prefer": "reply"} if path == "/" else {})
    return {"path": path, "at": at, "attributes": said, "headers": headers}


def right() -> list[Record]:
    attempts = [came(FAILS, at=at) for at in (0.0, 0.3, 0.9)]
    return [*attempts, came(FAILS, "/dead-letter", 1.0, knativeerrorcode="500")]


def test_what_is_as_it_should_be_is_not_wrong() -> None:
    assert wrong(FAILS, right()) == []
    letters = [{**one, "attributes": {**one["attributes"]}} for one in right()]
    del letters[-1]["attributes"]["knativeerrorcode"]
    assert wrong(FAILS, letters) == []
    reply = {**came(REPLIES, "/replies"), "attributes": {"id": "replies-reply"}}
    assert wrong(REPLIES, [came(REPLIES), reply]) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda got: got[1:], "2 attempts in place of 3"),
        (lambda got: [*got, came(FAILS, at=2)], "4 attempts in place of 3"),
        (lambda got: got[:-1], "0 deliveries to the dead-letter sink in place of 1"),
        (lambda got: [*got, got[-1]], "2 deliveries to the dead-letter sink in place of 1"),
        (lambda got: [*got, {**got[0], "path": "/replies", "attributes": {"id": "fails-reply"}}], "1 replies in place"),
        (lambda got: [got[0], came(FAILS, at=0.1), *got[2:]], "retry 1 came after 0.10 s"),
        (lambda got: [*got[:2], came(FAILS, at=0.6), got[3]], "retry 2 came after 0.30 s"),
        (lambda got: [*got[:3], came(FAILS, "/dead-letter", knativeerrorcode="404")], "knativeerrorcode is 404"),
        (lambda got: [came(FAILS, source="/else"), *got[1:]], "source is /else"),
        (lambda got: [{**got[0], "headers": {"prefer": "reply"}}, *got[1:]], "the trace was not passed on"),
        (lambda got: [{**got[0], "headers": {"traceparent": "ab" * 16}}, *got[1:]], "no reply was asked for"),
    ],
)
def test_what_is_not_is_told(change: Callable[[list[Record]], list[Record]], told: str) -> None:
    assert [problem for problem in wrong(FAILS, change(right())) if told in problem]


def test_credentials_that_passed_and_extensions_that_did_not_are_told() -> None:
    case = Case("secret", headers={"Authorization": "x"}, attributes={"extra": "one"})
    passed = came(case)
    assert wrong(case, [passed]) == []
    passed["headers"]["authorization"] = "x"
    passed["attributes"]["extra"] = "two"
    assert wrong(case, [passed]) == ["extra is two", "credentials were passed on"]


def test_a_missing_reply_is_told() -> None:
    assert wrong(REPLIES, [came(REPLIES)]) == ["0 replies in place of 1"]


def test_some_cases_are_not_delivered_and_some_twice() -> None:
    assert {case.attempts for case in CASES} == {0, 1, 2, 3}
    assert [case for case in CASES if case.type != TYPE]
