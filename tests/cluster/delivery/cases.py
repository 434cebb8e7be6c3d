"""The cases: an event, what its subscriber answers, and what a broker must make of that.

They are Knative's rules under one Trigger definition; nothing here knows which broker is asked.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

TYPE = "otelworker.delivery.case.v1"
REPLY = "otelworker.delivery.reply.v1"
SOURCE = "/delivery"
RETRIES = 2
BACKOFF_SECONDS = 0.3  # before the first retry; twice as long before each further one
TIMEOUT_SECONDS = 2
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
EXTENSIONS = {"note": "any-text", "traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}
JSON = {"Content-Type": "application/json"}
CLOUDEVENT = {"Content-Type": "application/cloudevents+json"}
# What a publisher may send along: the trace goes on, the others are nobody else's business.
CARRIED = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}
DROPPED = {"authorization": "Bearer nothing", "cookie": "nothing", "x-other": "nothing"}

Body = Literal["none", "text", "event", "structured event", "event without data", "half", "cut"]


@dataclass(frozen=True)
class Say:
    """One answer of the subscriber; `cut` and `half` end the connection early, `delay` is in seconds."""

    status: int = 204
    body: Body = "none"
    delay: float = 0


@dataclass(frozen=True)
class Case:
    """An event, published `copies` times, and how often it must come to the subscriber, to its sink, and as a reply."""

    name: str
    answers: tuple[Say, ...] = (Say(),)
    letter_answers: tuple[Say, ...] = (Say(),)
    attempts: int = 1
    letters: int = 0
    replies: int = 0
    type: str = TYPE
    structured: bool = False
    copies: int = 1

    @property
    def id(self) -> str:
        return self.name.replace(" ", "-")

    @property
    def attributes(self) -> dict[str, str]:
        """What the subscriber must get, whatever else the broker adds."""
        return {"specversion": "1.0", "id": self.id, "source": SOURCE, "type": self.type, **EXTENSIONS}

    @property
    def data(self) -> dict[str, Any]:
        answers, letters = [[asdict(say) for say in some] for some in (self.answers, self.letter_answers)]
        return {"answers": answers, "letters": letters, "reply": REPLY}

    def requests(self, broker: str) -> list[dict[str, Any]]:
        """The publications, as tests/cluster/in_pod.py takes requests."""
        if self.structured:
            headers, content = CLOUDEVENT, {**self.attributes, "data": self.data}
        else:
            headers, content = JSON | {f"ce-{name}": text for name, text in self.attributes.items()}, self.data
        request = {"method": "POST", "url": broker, "body": json.dumps(content)}
        return [request | {"headers": {**headers, **CARRIED, **DROPPED}}] * self.copies


@dataclass(frozen=True)
class Refusal:
    """A request that the broker's ingress must refuse with `status`."""

    name: str
    status: int
    headers: Mapping[str, str]
    body: str | None
    method: str = "POST"

    def requests(self, broker: str) -> list[dict[str, Any]]:
        """The request, as tests/cluster/in_pod.py takes it."""
        return [{"method": self.method, "url": broker, "headers": dict(self.headers), "body": self.body}]


def _with_status(status: int) -> Case:
    if status < 300:
        return Case(f"{status} without a body", (Say(status),))
    if status in {404, 408, 409, 429} or status >= 500:
        return Case(f"{status} once", (Say(status), Say()), attempts=2)
    return Case(f"{status} for good", (Say(status),), letters=1)


_STATUSES = (200, 202, 204, 302, 304, 400, 401, 403, 405, 410, 413, 422, 404, 408, 409, 429, 500, 502, 503, 504)
_MOST = RETRIES + 1

CASES: tuple[Case, ...] = (
    *map(_with_status, _STATUSES),
    Case("503 always", (Say(503),), attempts=_MOST, letters=1),
    Case("a success that is no event once", (Say(200, "text"), Say()), attempts=2),
    Case("a success that is no event always", (Say(200, "text"),), attempts=_MOST, letters=1),
    Case("connection cut once", (Say(body="cut"), Say()), attempts=2),
    Case("connection cut always", (Say(body="cut"),), attempts=_MOST, letters=1),
    Case("connection cut amid the answer", (Say(200, "half"), Say()), attempts=2),
    Case("too late once", (Say(delay=2 * TIMEOUT_SECONDS), Say()), attempts=2),
    Case("the last retry succeeds", (Say(500), Say(500), Say()), attempts=3),
    Case("a reply", (Say(200, "event"),), replies=1),
    Case("a structured reply", (Say(200, "structured event"),), replies=1),
    Case("a reply without data", (Say(200, "event without data"),), replies=1),
    Case("a reply after a retry", (Say(503, "event"), Say(202, "event")), attempts=2, replies=1),
    Case("an event in a refusal", (Say(400, "event"),), letters=1),
    Case("a dead-letter sink that fails once", (Say(400),), (Say(503), Say()), letters=2),
    Case("a dead-letter sink that fails always", (Say(400),), (Say(503),), letters=_MOST),
    Case("a dead-letter sink that refuses", (Say(400),), (Say(400),), letters=1),
    Case("a dead-letter sink whose success is no event", (Say(400),), (Say(200, "text"),), letters=1),
    Case("a dead-letter sink that replies", (Say(400),), (Say(200, "event"),), letters=1),
    Case("published in structured mode", structured=True),
    Case("structured and dead", (Say(422),), letters=1, structured=True),
    Case("the same event twice", attempts=2, copies=2),
    Case("a longer type", type=f"{TYPE}.more", attempts=0),
    Case("a shorter type", type=TYPE.rpartition(".")[0], attempts=0),
    Case("a type in capitals", type=TYPE.upper(), attempts=0),
)

_BINARY = {"ce-specversion": "1.0", "ce-id": "refused", "ce-source": SOURCE, "ce-type": TYPE, **JSON}
_STRUCTURED = {name[3:]: text for name, text in _BINARY.items() if name.startswith("ce-")}


def _without(attributes: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: text for key, text in attributes.items() if key != name}


REFUSALS: tuple[Refusal, ...] = (
    Refusal("GET", 405, {}, None, "GET"),
    Refusal("no event", 400, JSON, "{}"),
    Refusal("nothing", 400, {}, ""),
    *(Refusal(f"binary without {name[3:]}", 400, _without(_BINARY, name), "{}") for name in list(_BINARY)[:4]),
    *(
        Refusal(f"structured without {name}", 400, CLOUDEVENT, json.dumps(_without(_STRUCTURED, name)))
        for name in _STRUCTURED
    ),
    Refusal("another specversion", 400, _BINARY | {"ce-specversion": "9"}, "{}"),
    Refusal("structured, not JSON", 400, CLOUDEVENT, "not JSON"),
)
