"""The cluster's broker does with events what the local stand-in does: the cases of tests/cluster/delivery."""

import json
import time
from typing import Any

from tests.cluster.checks.end_to_end import Figures
from tests.cluster.delivery import manifests
from tests.cluster.delivery.cases import CASES, JSON, REFUSALS, REPLY, TYPE, Case, Refusal
from tests.cluster.delivery.verdict import QUIET_SECONDS, expected_arrivals, wrong
from tests.cluster.functions import expect
from tests.cluster.installation import Installation
from tests.cluster.kubectl import condition, until

_SETTLED_SECONDS = 90


def delivery_cases(installation: Installation) -> Figures:
    """Every case at once, through a Broker of its own of the overlay's class; what it made is gone afterwards."""
    kubectl = installation.kubectl
    eventing = manifests.eventing(installation.rendered)
    subscriber = manifests.subscriber(installation.options.image)
    try:
        kubectl.apply([*subscriber, *eventing])
        for one in eventing:
            kind, name = one["kind"].lower(), one["metadata"]["name"]
            until(f"{kind}/{name} Ready", lambda kind=kind, name=name: _ready(installation, kind, name), 120)  # type: ignore[misc] # mypy knows no defaults of lambdas
        kubectl.run("rollout", "status", f"deployment/{manifests.NAME}", "--timeout=60s")
        broker = (kubectl.get("broker", manifests.NAME) or {})["status"]["address"]["url"]
        until("the first events delivered", lambda: _delivers(installation, broker), 60)
        return _judged(installation, broker)
    finally:
        for one in reversed([*subscriber, *eventing]):
            kubectl.delete(one["kind"].lower(), one["metadata"]["name"])


def _ready(installation: Installation, kind: str, name: str) -> bool:
    return condition(installation.kubectl.get(kind, name)).get("status") == "True"


def _delivers(installation: Installation, broker: str) -> bool:
    """Whether both Triggers have brought an event; the data plane hears of them later than their conditions say."""
    kinds = {TYPE, REPLY}
    requests = [
        {
            "method": "POST",
            "url": broker,
            "headers": {"ce-specversion": "1.0", "ce-id": "first", "ce-source": "/first", "ce-type": kind, **JSON},
            "body": "{}",
        }
        for kind in kinds
    ]
    installation.caller.ask_together(requests)
    time.sleep(1)
    return kinds <= {one["attributes"].get("type") for one in _received(installation)}


def _received(installation: Installation) -> list[dict[str, Any]]:
    answer = installation.caller.asks("GET", f"{manifests.URL}/received")
    found: list[dict[str, Any]] = json.loads(answer.body) if answer.status == 200 else []
    return found


def _judged(installation: Installation, broker: str) -> Figures:
    every: tuple[Case | Refusal, ...] = (*CASES, *REFUSALS)
    asked = [(case, case.requests(broker)) for case in every]
    before = len(_received(installation))
    began = time.monotonic()
    answers = iter(installation.caller.ask_together([one for _, some in asked for one in some]))
    answered = [(case, [next(answers).status for _ in some]) for case, some in asked]
    received = _settled(installation, before + expected_arrivals(CASES))
    seconds = time.monotonic() - began
    found = [f"{case.name}: {'; '.join(why)}" for case, got in answered if (why := wrong(case, got, received))]
    expect(
        not (found and installation.knatives_own_broker), f"{len(found)} of {len(asked)} cases: " + " | ".join(found)
    )
    paths = [one["path"] for one in received[before:]]
    return {
        "cases": str(len(asked)),
        "attempts": str(paths.count("/")),
        "dead letters": str(paths.count("/dead-letter")),
        "replies as new events": str(paths.count("/reply")),
        "published to quiet": f"{seconds:.0f} s",
        "otherwise than Knative's own broker": " | ".join(found) or "none",
    }


def _settled(installation: Installation, expected: int) -> list[dict[str, Any]]:
    """The record once nothing has come for so long that nothing can be under way."""
    deadline = time.monotonic() + _SETTLED_SECONDS
    count, since = 0, time.monotonic()
    while True:
        received = _received(installation)
        now = time.monotonic()
        if len(received) != count:
            count, since = len(received), now
        if now > deadline or (count >= expected and now - since > QUIET_SECONDS):
            return received
        time.sleep(0.5)
