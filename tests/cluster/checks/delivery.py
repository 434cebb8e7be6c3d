"""Event delivery: the cases of tests/cluster/delivery on the cluster's broker."""

import json
import time
from functools import partial
from typing import Any

from tests.cluster.checks import Figures
from tests.cluster.delivery import manifests
from tests.cluster.delivery.cases import CASES, JSON, REJECTIONS, REPLY_TYPE, TYPE, DeliveryCase, Rejection
from tests.cluster.delivery.verdict import QUIET_SECONDS, count_arrivals, find_errors
from tests.cluster.functions import expect
from tests.cluster.installation import Installation
from tests.cluster.kubectl import is_ready, wait_until

_MAX_SECONDS = 90


def run_cases(installation: Installation) -> Figures:
    """Run all cases concurrently on a separate Broker of the overlay's class, and delete it afterwards."""
    kubectl = installation.kubectl
    eventing = manifests.eventing_resources(installation.rendered)
    subscriber = manifests.subscriber_resources(installation.options.image)
    try:
        kubectl.apply([*subscriber, *eventing])
        for resource in eventing:
            kind, name = resource["kind"].lower(), resource["metadata"]["name"]
            wait_until(f"{kind}/{name} ready", partial(_is_ready, installation, kind, name), 120)
        kubectl.run("rollout", "status", f"deployment/{manifests.NAME}", "--timeout=60s")
        broker = (kubectl.get("broker", manifests.NAME) or {})["status"]["address"]["url"]
        wait_until("first events delivered", lambda: _delivers(installation, broker), 60)
        return _run(installation, broker)
    finally:
        for resource in reversed([*subscriber, *eventing]):
            kubectl.delete(resource["kind"].lower(), resource["metadata"]["name"])


def _is_ready(installation: Installation, kind: str, name: str) -> bool:
    return is_ready(installation.kubectl.get(kind, name))


def _delivers(installation: Installation, broker: str) -> bool:
    """Return whether both Triggers deliver. The data plane applies them some time after they are ready."""
    event_types = {TYPE, REPLY_TYPE}
    requests = [
        {
            "method": "POST",
            "url": broker,
            "headers": {
                "ce-specversion": "1.0",
                "ce-id": "first",
                "ce-source": "/first",
                "ce-type": event_type,
                **JSON,
            },
            "body": "{}",
        }
        for event_type in event_types
    ]
    installation.caller.send_all(requests)
    time.sleep(1)
    return event_types <= {arrival["attributes"].get("type") for arrival in _received(installation)}


def _received(installation: Installation) -> list[dict[str, Any]]:
    response = installation.caller.send("GET", f"{manifests.URL}/received")
    arrivals: list[dict[str, Any]] = json.loads(response.body) if response.status == 200 else []
    return arrivals


def _run(installation: Installation, broker: str) -> Figures:
    cases: tuple[DeliveryCase | Rejection, ...] = (*CASES, *REJECTIONS)
    requests = [(case, case.requests(broker)) for case in cases]
    count_before = len(_received(installation))
    started = time.monotonic()
    responses = iter(installation.caller.send_all([request for _, some in requests for request in some]))
    statuses = [(case, [next(responses).status for _ in some]) for case, some in requests]
    received = _wait_for_arrivals(installation, count_before + count_arrivals(CASES))
    seconds = time.monotonic() - started
    failures = [
        f"{case.name}: {'; '.join(errors)}" for case, some in statuses if (errors := find_errors(case, some, received))
    ]
    expect(
        not (failures and installation.has_default_broker_class),
        f"{len(failures)} of {len(cases)} cases: " + " | ".join(failures),
    )
    paths = [arrival["path"] for arrival in received[count_before:]]
    return {
        "cases": str(len(cases)),
        "attempts": str(paths.count("/")),
        "dead letters": str(paths.count("/dead-letter")),
        "replies as new events": str(paths.count("/reply")),
        "first request to last delivery": f"{seconds:.0f} s",
        "differences from Knative's default broker": " | ".join(failures) or "none",
    }


def _wait_for_arrivals(installation: Installation, expected: int) -> list[dict[str, Any]]:
    """Return the arrivals once no new one has arrived for so long that no retry can be pending."""
    deadline = time.monotonic() + _MAX_SECONDS
    count, last_arrival = 0, time.monotonic()
    while True:
        received = _received(installation)
        now = time.monotonic()
        if len(received) != count:
            count, last_arrival = len(received), now
        if now > deadline or (count >= expected and now - last_arrival > QUIET_SECONDS):
            return received
        time.sleep(0.5)
