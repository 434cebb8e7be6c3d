"""The cluster's broker passes the cases that the stand-in of `make up` passes in the tests."""

import json
import time
from contextlib import suppress
from typing import Any

from cluster.delivery.cases import CASES, REFUSED
from cluster.delivery.manifests import NAME, manifests
from cluster.delivery.verdict import wrong
from cluster.functions import expect
from cluster.installation import Installation
from cluster.kubectl import TooSlow, until
from cluster.proofs.way import Figures

_SETTLED_SECONDS = 5  # nothing more comes after that: the longest pause between two attempts is shorter


def deliveries(installation: Installation) -> Figures:
    """Every case at once: attempts, pauses, replies, dead letters, and what the ingress refuses."""
    kubectl = installation.kubectl
    [broker] = [one for one in installation.rendered if one["kind"] == "Broker"]
    made = manifests(installation.options.image, broker)
    kubectl.apply(made)
    try:
        kubectl.run("rollout", "status", f"deployment/{NAME}", "--timeout=120s")
        installation.wait_until_ready()
        time.sleep(5)  # the dispatcher hears of Triggers later than they are Ready
        return _judged(installation)
    finally:
        for one in reversed(made):
            kind = f"{one['kind']}.{one['apiVersion'].rpartition('/')[0]}".removesuffix(".")
            kubectl.delete(kind, one["metadata"]["name"], wait=False)


def _judged(installation: Installation) -> Figures:
    caller = installation.caller
    ingress = str((installation.kubectl.get("broker", NAME) or {})["status"]["address"]["url"])
    answers = caller.ask_together([one for case in CASES for one in case.requests(ingress)])
    expect({answer.status for answer in answers} == {202}, f"events were answered {[one.status for one in answers]}")
    for what, (request, status) in REFUSED.items():
        answer = caller.ask_together([{"url": ingress, **request}])[0]
        expect(answer.status == status, f"{what} was answered with {answer.status} in place of {status}")

    def received() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(caller.asks("GET", f"http://{NAME}/received").body)
        return found

    with suppress(TooSlow):  # what is wrong then is told below
        until("every case as it should be", lambda: not _problems(received()), 30, every=1)
    time.sleep(_SETTLED_SECONDS)
    got = received()
    expect(not _problems(got), "; ".join(_problems(got)))
    paths = [one["path"] for one in got]
    return {
        "cases": str(len(CASES) + len(REFUSED)),
        "deliveries": f"{paths.count('/')} to the subscriber, {paths.count('/replies')} replies, "
        f"{paths.count('/dead-letter')} to the dead-letter sink",
    }


def _problems(got: list[dict[str, Any]]) -> list[str]:
    return [f"{case.name}: {problem}" for case in CASES for problem in wrong(case, got)]
