"""Delivery cases: an event, the responses of its subscriber, and the deliveries that a broker must make.

They state Knative's rules for one Trigger definition and apply to every broker.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

TYPE = "otelworker.delivery.case.v1"
REPLY_TYPE = "otelworker.delivery.reply.v1"
SOURCE = "/delivery"
RETRIES = 2
BACKOFF_SECONDS = 0.3  # before the first retry, doubled for each further one
TIMEOUT_SECONDS = 2
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
EXTENSIONS = {"note": "any-text", "traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}
JSON = {"Content-Type": "application/json"}
CLOUDEVENT = {"Content-Type": "application/cloudevents+json"}
# Headers of a publisher. The broker must forward the trace and drop the others.
FORWARDED = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}
DROPPED = {"authorization": "Bearer nothing", "cookie": "nothing", "x-other": "nothing"}

Body = Literal["none", "text", "event", "structured event", "event without data", "half", "cut"]


@dataclass(frozen=True)
class Reaction:
    """One response of the subscriber after `delay` seconds. `cut` and `half` close the connection early."""

    status: int = 204
    body: Body = "none"
    delay: float = 0


@dataclass(frozen=True)
class DeliveryCase:
    """An event, published `copies` times, and the expected numbers of attempts, dead letters and replies."""

    name: str
    reactions: tuple[Reaction, ...] = (Reaction(),)
    sink_reactions: tuple[Reaction, ...] = (Reaction(),)
    attempts: int = 1
    dead_letters: int = 0
    replies: int = 0
    type: str = TYPE
    structured: bool = False
    copies: int = 1

    @property
    def id(self) -> str:
        return self.name.replace(" ", "-")

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes that the subscriber must receive. The broker may add others."""
        return {"specversion": "1.0", "id": self.id, "source": SOURCE, "type": self.type, **EXTENSIONS}

    @property
    def data(self) -> dict[str, Any]:
        reactions, sink_reactions = (list(map(asdict, some)) for some in (self.reactions, self.sink_reactions))
        return {"reactions": reactions, "sink_reactions": sink_reactions, "reply": REPLY_TYPE}

    def requests(self, broker: str) -> list[dict[str, Any]]:
        """Return the requests that publish the event, for pod_client.py."""
        if self.structured:
            headers, content = CLOUDEVENT, {**self.attributes, "data": self.data}
        else:
            headers, content = JSON | {f"ce-{name}": text for name, text in self.attributes.items()}, self.data
        request = {"method": "POST", "url": broker, "body": json.dumps(content)}
        return [request | {"headers": {**headers, **FORWARDED, **DROPPED}}] * self.copies


@dataclass(frozen=True)
class Rejection:
    """A request that the broker's ingress must reject with `status`."""

    name: str
    status: int
    headers: Mapping[str, str]
    body: str | None
    method: str = "POST"

    def requests(self, broker: str) -> list[dict[str, Any]]:
        """Return the request, for pod_client.py."""
        return [{"method": self.method, "url": broker, "headers": dict(self.headers), "body": self.body}]


def _with_status(status: int) -> DeliveryCase:
    if status < 300:
        return DeliveryCase(f"{status} without a body", (Reaction(status),))
    if status in {404, 408, 409, 429} or status >= 500:
        return DeliveryCase(f"{status} once", (Reaction(status), Reaction()), attempts=2)
    return DeliveryCase(f"{status} permanently", (Reaction(status),), dead_letters=1)


_STATUSES = (200, 202, 204, 302, 304, 400, 401, 403, 405, 410, 413, 422, 404, 408, 409, 429, 500, 502, 503, 504)
_MAX_ATTEMPTS = RETRIES + 1

CASES: tuple[DeliveryCase, ...] = (
    *map(_with_status, _STATUSES),
    DeliveryCase("503 always", (Reaction(503),), attempts=_MAX_ATTEMPTS, dead_letters=1),
    DeliveryCase("a success without an event once", (Reaction(200, "text"), Reaction()), attempts=2),
    DeliveryCase("a success without an event always", (Reaction(200, "text"),), attempts=_MAX_ATTEMPTS, dead_letters=1),
    DeliveryCase("connection closed once", (Reaction(body="cut"), Reaction()), attempts=2),
    DeliveryCase("connection closed always", (Reaction(body="cut"),), attempts=_MAX_ATTEMPTS, dead_letters=1),
    DeliveryCase("connection closed within the response", (Reaction(200, "half"), Reaction()), attempts=2),
    DeliveryCase("timeout once", (Reaction(delay=2 * TIMEOUT_SECONDS), Reaction()), attempts=2),
    DeliveryCase("the last retry succeeds", (Reaction(500), Reaction(500), Reaction()), attempts=3),
    DeliveryCase("a reply", (Reaction(200, "event"),), replies=1),
    DeliveryCase("a structured reply", (Reaction(200, "structured event"),), replies=1),
    DeliveryCase("a reply without data", (Reaction(200, "event without data"),), replies=1),
    DeliveryCase("a reply after a retry", (Reaction(503, "event"), Reaction(202, "event")), attempts=2, replies=1),
    DeliveryCase("an event in an error response", (Reaction(400, "event"),), dead_letters=1),
    DeliveryCase("a dead-letter sink that fails once", (Reaction(400),), (Reaction(503), Reaction()), dead_letters=2),
    DeliveryCase(
        "a dead-letter sink that fails always", (Reaction(400),), (Reaction(503),), dead_letters=_MAX_ATTEMPTS
    ),
    DeliveryCase("a dead-letter sink that rejects", (Reaction(400),), (Reaction(400),), dead_letters=1),
    DeliveryCase(
        "a dead-letter sink that succeeds without an event", (Reaction(400),), (Reaction(200, "text"),), dead_letters=1
    ),
    DeliveryCase("a dead-letter sink that replies", (Reaction(400),), (Reaction(200, "event"),), dead_letters=1),
    DeliveryCase("published in structured mode", structured=True),
    DeliveryCase("dead letter in structured mode", (Reaction(422),), dead_letters=1, structured=True),
    DeliveryCase("the same event twice", attempts=2, copies=2),
    DeliveryCase("a longer type", type=f"{TYPE}.more", attempts=0),
    DeliveryCase("a shorter type", type=TYPE.rpartition(".")[0], attempts=0),
    DeliveryCase("a type in capitals", type=TYPE.upper(), attempts=0),
)

_BINARY = {"ce-specversion": "1.0", "ce-id": "rejected", "ce-source": SOURCE, "ce-type": TYPE, **JSON}
_STRUCTURED = {name[3:]: text for name, text in _BINARY.items() if name.startswith("ce-")}


def _without(attributes: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: text for key, text in attributes.items() if key != name}


REJECTIONS: tuple[Rejection, ...] = (
    Rejection("GET", 405, {}, None, "GET"),
    Rejection("event without attributes", 400, JSON, "{}"),
    Rejection("empty request", 400, {}, ""),
    *(Rejection(f"binary without {name[3:]}", 400, _without(_BINARY, name), "{}") for name in list(_BINARY)[:4]),
    *(
        Rejection(f"structured without {name}", 400, CLOUDEVENT, json.dumps(_without(_STRUCTURED, name)))
        for name in _STRUCTURED
    ),
    Rejection("unknown specversion", 400, _BINARY | {"ce-specversion": "9"}, "{}"),
    Rejection("structured, not JSON", 400, CLOUDEVENT, "not JSON"),
)
