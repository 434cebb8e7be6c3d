"""A pod that calls the functions as their callers in the cluster do."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.kubectl import Kubectl, Resource

_SCRIPT = Path(__file__).with_name("in_pod.py").read_text(encoding="utf-8")
_POD = "caller"


@dataclass(frozen=True)
class Answer:
    """What came back, as seen in the pod; status 0 is no answer."""

    status: int
    headers: Mapping[str, str]
    body: str
    seconds: float

    def json(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.body)
        return content


class Caller:
    """Sends requests from within the cluster, with `headers` unless one has its own."""

    def __init__(self, kubectl: Kubectl, headers: Mapping[str, str]) -> None:
        self._kubectl = kubectl
        self._headers = headers

    def asks(self, method: str, url: str, **rest: Any) -> Answer:
        """The answer to one request (in_pod.py has its fields)."""
        return self.ask_together([{"method": method, "url": url, **rest}])[0]

    def ask_together(self, requests: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """The answers to requests that are sent at once, in their order."""
        sent = [{**one, "headers": {**self._headers, **one.get("headers", {})}} for one in requests]
        text = self.runs(_SCRIPT, json.dumps(sent))
        return [Answer(one["status"], one["headers"], one["body"], one["seconds"]) for one in json.loads(text)]

    def runs(self, script: str, given: str) -> str:
        """A Python script's stdout in the pod, with `given` as its stdin."""
        return self._kubectl.execute(_POD, "python3", "-c", script, given=given, timeout=600)


def pod(image: str) -> Resource:
    """The pod: the project's image, of which it needs Python only."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": _POD},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": restricted_pod(65532),
            "containers": [
                {
                    "name": _POD,
                    "image": image,
                    "command": ["sleep", "86400"],
                    "securityContext": restricted(),
                    "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
                }
            ],
        },
    }


def restricted_pod(user: int) -> Resource:
    """A pod's security context under which the namespace's pod security standard lets it in."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def restricted() -> Resource:
    """The same of a container."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
