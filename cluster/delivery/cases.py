"""The cases: what is published, what the subscriber answers, and what every broker does then."""

import json
from dataclasses import dataclass, field
from typing import Any

TYPE = "otelworker.test.case.v1"
RETRY, BACKOFF_SECONDS, TIMEOUT_SECONDS = 2, 0.3, 2.0  # of the Trigger that all cases share
_TRACEPARENT = f"00-{'ab' * 16}-{'cd' * 8}-01"

Answer = dict[str, Any]
_DONE: Answer = {"status": 204}


@dataclass(frozen=True)
class Case:
    """One event, or the same several times; `attempts` is what its subscriber sees of it in all."""

    name: str
    answers: tuple[Answer, ...] = (_DONE,)
    attempts: int = 1
    dead: bool = False  # it comes to the dead-letter sink, once
    dead_answers: tuple[Answer, ...] = (_DONE,)
    reply: bool = False  # the reply comes back as an event of its own
    type: str = TYPE
    structured: bool = False
    published: int = 1
    attributes: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)  # those that must not pass

    @property
    def id(self) -> str:
        return self.name.replace(" ", "-")

    def requests(self, ingress: str) -> list[dict[str, Any]]:
        """The publisher's requests, as cluster/in_pod.py takes them."""
        data = {"answers": self.answers, "dead": self.dead_answers}
        attributes = {"specversion": "1.0", "type": self.type, "source": "/cases", "id": self.id} | self.attributes
        if self.structured:
            headers = {"Content-Type": "application/cloudevents+json"}
            body = json.dumps(attributes | {"datacontenttype": "application/json", "data": data})
        else:
            headers = {f"ce-{name}": text for name, text in attributes.items()} | {"Content-Type": "application/json"}
            body = json.dumps(data)
        headers |= {"traceparent": _TRACEPARENT} | self.headers
        return [{"method": "POST", "url": ingress, "headers": headers, "body": body}] * self.published


def _answered(status: int, **more: Any) -> Answer:
    return {"status": status, **more}


CASES = (
    *(Case(f"{status} is done", (_answered(status),)) for status in (200, 202, 204)),
    *(
        Case(f"{status} is tried again", (_answered(status), _DONE), attempts=2)
        for status in (404, 408, 409, 429, 500, 502, 503, 504)
    ),
    *(
        Case(f"{status} goes to the dead letters at once", (_answered(status),), dead=True)
        for status in (304, 400, 401, 403, 405, 413, 422)
    ),
    Case("a body that is no event is tried again", (_answered(200, body="text"), _DONE), attempts=2),
    Case("a cut connection is tried again", ({"cut": True}, _DONE), attempts=2),
    Case("an answer that is late is tried again", (_answered(204, delay=2 * TIMEOUT_SECONDS), _DONE), attempts=2),
    Case("what always fails is dead after the last retry", (_answered(500),), attempts=1 + RETRY, dead=True),
    Case("a reply in binary mode is an event", (_answered(200, body="event"),), reply=True),
    Case("a reply in structured mode is an event", (_answered(200, body="structured"),), reply=True),
    Case(
        "the dead letters' sink is retried too",
        (_answered(400),),
        dead=True,
        dead_answers=(_answered(503), _DONE),
    ),
    Case(
        "what the dead letters' sink replies is dropped",
        (_answered(400),),
        dead=True,
        dead_answers=(_answered(200, body="event"),),
    ),
    Case(
        "a dead letter is done whatever the body of a 200",
        (_answered(400),),
        dead=True,
        dead_answers=(_answered(200, body="text"),),
    ),
    Case("another type is not delivered", attempts=0, type=f"{TYPE}x"),
    Case("the same event twice is delivered twice", attempts=2, published=2),
    Case("an event in structured mode is delivered", structured=True),
    Case("one in structured mode can be dead", (_answered(422),), dead=True, structured=True),
    Case("extensions and the trace pass", attributes={"extra": "one"}),
    Case("credentials do not pass", headers={"Authorization": "Bearer secret"}),
)
REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "no event": ({"method": "POST", "headers": {"Content-Type": "application/json"}, "body": "{}"}, 400),
    "no POST": ({"method": "GET"}, 405),
}
