"""kubectl, for one namespace: of KUBECONFIG's cluster, the binary of the same environment or of the PATH."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from tools.manifests.rendering import find_kubectl

_WEBHOOK_SECONDS = 60
_BESIDE_THE_POINT = re.compile(r"Warning:|E\d{4} ")  # kubectl's log of its own tries
T = TypeVar("T")
Resource = dict[str, Any]


class Refused(Exception):
    """What the API server or kubectl said no to, in their words."""


class TooSlow(Exception):
    """What did not come in time."""


class Kubectl:
    """Asks the cluster for resources of one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._command = [find_kubectl(), "--namespace", namespace]

    def run(self, *words: str, given: str | None = None, timeout: float = 300) -> str:
        """What kubectl prints; Refused with what it complains of."""
        command = [*self._command, *words]
        try:
            done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise TooSlow(f"kubectl {words[0]}: no answer within {timeout:.0f} s") from None
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if not _BESIDE_THE_POINT.match(line)]
            raise Refused(f"kubectl {words[0]}: {' '.join(said)}")
        return done.stdout

    def apply(self, resources: Iterable[Resource]) -> None:
        """Create or change `resources`, in their order; a webhook that is away for a while is waited for."""
        given, deadline = _listed(resources), time.monotonic() + _WEBHOOK_SECONDS
        while True:
            try:
                self.run("apply", "-f", "-", given=given, timeout=300)
            except Refused as exc:
                if "failed calling webhook" not in str(exc) or time.monotonic() > deadline:
                    raise
                time.sleep(2)
            else:
                return

    def get(self, kind: str, name: str) -> Resource | None:
        """A resource, None if there is none."""
        text = self.run("get", kind, name, "--ignore-not-found", "-o", "json")
        return json.loads(text) if text.strip() else None

    def items(self, kind: str, labels: str = "") -> list[Resource]:
        """The resources of a kind that a label selector chooses."""
        text = self.run("get", kind, "-o", "json", *(["-l", labels] if labels else []))
        found: list[Resource] = json.loads(text)["items"]
        return found

    def delete(self, kind: str, *names: str, wait: bool = True, now: bool = False) -> None:
        """Delete resources; `now` kills pods without a grace."""
        words = ["--ignore-not-found", f"--wait={str(wait).lower()}", *(["--grace-period=0", "--force"] if now else [])]
        self.run("delete", kind, *names, *words)

    def patch(self, kind: str, name: str, change: Any) -> None:
        """Merge `change` into a resource, or apply it as a JSON patch if it is a list."""
        way = "json" if isinstance(change, list) else "merge"
        self.run("patch", kind, name, f"--type={way}", "-p", json.dumps(change))

    def execute(
        self, pod: str, *command: str, given: str | None = None, timeout: float = 300, container: str = ""
    ) -> str:
        """What a command prints that runs in a pod."""
        words = ["exec", "-i", pod, *(["-c", container] if container else []), "--", *command]
        return self.run(*words, given=given, timeout=timeout)

    def logs(self, pod: str, container: str | None = None) -> str:
        """A container's log; "" if it has none yet."""
        try:
            return self.run("logs", pod, *(["-c", container] if container else []))
        except Refused:
            return ""


def until(what: str, look: Callable[[], T], seconds: float, every: float = 0.5) -> T:
    """The first truthy answer of `look`; TooSlow if none comes in `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TooSlow(f"{what}: not within {seconds:.0f} s")
        time.sleep(every)


def condition(resource: Resource | None, kind: str = "Ready") -> Resource:
    """A resource's condition; {} if it has none."""
    found = (resource or {}).get("status", {}).get("conditions", [])
    return next((one for one in found if one["type"] == kind), {})


def _listed(resources: Iterable[Resource]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(resources)})
