"""kubectl for one namespace of the cluster of KUBECONFIG."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from tools.manifests.rendering import find_kubectl

_WEBHOOK_SECONDS = 60
_NOISE = re.compile(r"Warning:|E\d{4} ")  # lines of stderr that do not contain the error
T = TypeVar("T")
Resource = dict[str, Any]


class KubectlError(Exception):
    """kubectl failed. The text is its error message."""


class WaitTimeout(Exception):
    """A condition was not met in time."""


class Kubectl:
    """Runs kubectl in one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._command = [find_kubectl(), "--namespace", namespace]

    def run(self, *arguments: str, stdin: str | None = None, timeout: float = 300) -> str:
        """Return what kubectl prints. Raises KubectlError if it fails, or WaitTimeout."""
        command = [*self._command, *arguments]
        try:
            result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise WaitTimeout(f"kubectl {arguments[0]}: no response within {timeout:.0f} s") from None
        if result.returncode:
            lines = [line for line in result.stderr.splitlines() if not _NOISE.match(line)]
            raise KubectlError(f"kubectl {arguments[0]}: {' '.join(lines)}")
        return result.stdout

    def apply(self, resources: Iterable[Resource]) -> None:
        """Create or update `resources` in order. Retries while a webhook is unavailable."""
        manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(resources)})
        deadline = time.monotonic() + _WEBHOOK_SECONDS
        while True:
            try:
                self.run("apply", "-f", "-", stdin=manifest, timeout=300)
            except KubectlError as exc:
                if "failed calling webhook" not in str(exc) or time.monotonic() > deadline:
                    raise
                time.sleep(2)
            else:
                return

    def get(self, kind: str, name: str) -> Resource | None:
        """Return a resource, or None if it does not exist."""
        text = self.run("get", kind, name, "--ignore-not-found", "-o", "json")
        return json.loads(text) if text.strip() else None

    def list_resources(self, kind: str, labels: str = "") -> list[Resource]:
        """Return the resources of a kind that match a label selector."""
        text = self.run("get", kind, "-o", "json", *(["-l", labels] if labels else []))
        items: list[Resource] = json.loads(text)["items"]
        return items

    def delete(self, kind: str, *names: str, wait: bool = True, now: bool = False) -> None:
        """Delete resources. `now` kills pods without a grace period."""
        options = [f"--wait={str(wait).lower()}", *(["--grace-period=0", "--force"] if now else [])]
        self.run("delete", kind, *names, "--ignore-not-found", *options)

    def patch(self, kind: str, name: str, change: Any) -> None:
        """Apply `change` to a resource, as a JSON patch if it is a list, else as a merge patch."""
        patch_type = "json" if isinstance(change, list) else "merge"
        self.run("patch", kind, name, f"--type={patch_type}", "-p", json.dumps(change))

    def execute(
        self, pod: str, *command: str, stdin: str | None = None, timeout: float = 300, container: str = ""
    ) -> str:
        """Return what a command prints in a pod."""
        arguments = ["exec", "-i", pod, *(["-c", container] if container else []), "--", *command]
        return self.run(*arguments, stdin=stdin, timeout=timeout)

    def logs(self, pod: str, container: str | None = None) -> str:
        """Return a container's log, or "" if there is none yet."""
        try:
            return self.run("logs", pod, *(["-c", container] if container else []))
        except KubectlError:
            return ""


def wait_until(description: str, poll: Callable[[], T], seconds: float, interval: float = 0.5) -> T:
    """Return the first truthy result of `poll`. Raises WaitTimeout if there is none within `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        result = poll()
        if result:
            return result
        if time.monotonic() > deadline:
            raise WaitTimeout(f"{description}: not within {seconds:.0f} s")
        time.sleep(interval)


def get_condition(resource: Resource | None, condition_type: str = "Ready") -> Resource:
    """Return a condition of a resource, or {} if it has none."""
    conditions = (resource or {}).get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == condition_type), {})


def is_ready(resource: Resource | None) -> bool:
    """Return whether a resource has the condition Ready."""
    return get_condition(resource).get("status") == "True"
