"""Rendered resources and access to the values in their manifests."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

KSERVICE = "Service.serving.knative.dev"
BROKER = "Broker.eventing.knative.dev"
TRIGGER = "Trigger.eventing.knative.dev"
SINK_BINDING = "SinkBinding.sources.knative.dev"
NETWORK_POLICY = "NetworkPolicy.networking.k8s.io"
POD_KINDS = {"Pod", "Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "Job.batch", "CronJob.batch", KSERVICE}


@dataclass(frozen=True)
class Resource:
    """A rendered resource: its manifest and the file that defines it."""

    manifest: dict[str, Any]
    origin: str = ""

    @property
    def api_version(self) -> str:
        return str(self.manifest.get("apiVersion", ""))

    @property
    def kind(self) -> str:
        return str(self.manifest["kind"])

    @property
    def group(self) -> str:
        """`serving.knative.dev` for `serving.knative.dev/v1`, the empty string for `v1`."""
        return self.api_version.rpartition("/")[0]

    @property
    def qualified_kind(self) -> str:
        """Kind and group without the version: `Service.serving.knative.dev`, `ConfigMap`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """The namespace, or the empty string where the manifest names none."""
        return str(self.manifest["metadata"].get("namespace", ""))


def lookup(node: Any, *path: str) -> Any:
    """Return the value at `path` in a manifest, or None."""
    for key in path:
        node = node.get(key) if isinstance(node, dict) else None
    return node


def walk(node: Any, path: str = "", key: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, key and value of every mapping under `node`; items of lists have no key."""
    if isinstance(node, dict):
        yield path, key, node
        for name, child in node.items():
            yield from walk(child, f"{path}.{name}" if path else name, name)
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from walk(child, f"{path}[{index}]")


def pod_template(resource: Resource) -> Any:
    """Return the template of the pods that a resource creates, or None."""
    if resource.qualified_kind not in POD_KINDS:
        return None
    if resource.kind == "Pod":
        return resource.manifest
    job = ("jobTemplate", "spec") if resource.kind == "CronJob" else ()
    return lookup(resource.manifest, "spec", *job, "template")
