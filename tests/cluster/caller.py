"""A pod that sends requests to the functions from within the cluster."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.kubectl import Kubectl, Resource

_SCRIPT = Path(__file__).with_name("pod_client.py").read_text(encoding="utf-8")
_POD = "caller"


@dataclass(frozen=True)
class PodResponse:
    """The last response to a request from the pod. Status 0 means that there is none.

    `seconds` is the time of its last request, `elapsed` that of all its requests.
    """

    status: int
    headers: Mapping[str, str]
    body: str
    seconds: float
    elapsed: float

    def json(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.body)
        return content


class Caller:
    """Sends requests from the pod with `headers`, which a request can override."""

    def __init__(self, kubectl: Kubectl, headers: Mapping[str, str]) -> None:
        self._kubectl = kubectl
        self._headers = headers

    def send(self, method: str, url: str, **fields: Any) -> PodResponse:
        """Send one request. pod_client.py documents its fields."""
        return self.send_all([{"method": method, "url": url, **fields}])[0]

    def send_all(self, requests: Sequence[Mapping[str, Any]]) -> list[PodResponse]:
        """Send requests concurrently and return the responses in the same order."""
        complete = [{**request, "headers": {**self._headers, **request.get("headers", {})}} for request in requests]
        text = self._kubectl.execute(_POD, "python3", "-c", _SCRIPT, stdin=json.dumps(complete), timeout=600)
        return [PodResponse(**response) for response in json.loads(text)]


def pod(image: str) -> Resource:
    """Return the pod, which uses the Python of the project's image."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": _POD},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": pod_security_context(65532),
            "containers": [
                {
                    "name": _POD,
                    "image": image,
                    "command": ["sleep", "86400"],
                    "securityContext": container_security_context(),
                    "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
                }
            ],
        },
    }


def pod_security_context(user: int) -> Resource:
    """Return a pod's security context that satisfies the Pod Security Standard "restricted"."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security_context() -> Resource:
    """Return a container's security context that satisfies the Pod Security Standard "restricted"."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
