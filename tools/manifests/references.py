"""Check that the references and selectors of a kustomization resolve."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tools.manifests.resources import (
    BROKER,
    KSERVICE,
    NETWORK_POLICY,
    POD_KINDS,
    TRIGGER,
    Resource,
    lookup,
    pod_template,
    walk,
)

_STORAGE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
SECRETS: Mapping[str, tuple[str, ...]] = {  # created by each installation: docs/guides/gitops.md, docs/guides/secure.md
    "distance-submit": _STORAGE_KEYS,
    "distance-calculate": (*_STORAGE_KEYS, "DATABASE_URL"),
    "distance-status": _STORAGE_KEYS,
    "distance-list": _STORAGE_KEYS,
    "distance-storage-admin": _STORAGE_KEYS,
    "otel-worker-access": ("API_KEYS",),
}
ENVIRONMENT_SOURCES = {"configMapRef": "ConfigMap", "secretRef": "Secret"}
_POD_REFERENCES = {
    **ENVIRONMENT_SOURCES,
    "configMapKeyRef": "ConfigMap",
    "secretKeyRef": "Secret",
    "configMap": "ConfigMap",
    "secret": "Secret",
}


def entries(kind: str, name: str, resources: Sequence[Resource]) -> dict[str, str | None]:
    """Return the keys of a ConfigMap or a Secret, with the values of a ConfigMap."""
    values: dict[str, str | None] = dict.fromkeys(SECRETS.get(name, ()) if kind == "Secret" else ())
    for resource in resources:
        if (resource.qualified_kind, resource.name) == (kind, name):
            for key, value in (lookup(resource.manifest, "data") or {}).items():
                values[key] = value if kind == "ConfigMap" else None
            values |= dict.fromkeys(lookup(resource.manifest, "stringData") or ())
    return values


def check_pod_references(resource: Resource, resources: Sequence[Resource]) -> Iterator[str]:
    """ConfigMaps, Secrets, their keys and ServiceAccounts that pods need are in the kustomization or documented."""
    template = pod_template(resource)
    present = {(other.qualified_kind, other.name) for other in resources} | {("Secret", name) for name in SECRETS}
    account = lookup(template, "spec", "serviceAccountName") or "default"
    if account != "default" and ("ServiceAccount", account) not in present:
        yield f"serviceAccountName: there is no ServiceAccount {account}"
    for path, key, node in walk(template):
        kind, name = _POD_REFERENCES.get(key), node.get("name") or node.get("secretName")
        if not kind or not name or node.get("optional"):
            continue
        if (kind, name) not in present:
            yield f"{path}: there is no {kind} {name}"
        known = entries(kind, name, resources)
        for item in [node, *(node.get("items") or [])]:
            if known and "key" in item and item["key"] not in known:
                yield f"{path}: {kind} {name} has no key {item['key']}"


def check_object_references(resource: Resource, resources: Sequence[Resource]) -> Iterator[str]:
    """Objects that a resource of Knative names are in the kustomization, unless they are in a foreign namespace."""
    if not resource.group.endswith(".knative.dev"):
        return
    present = {(other.qualified_kind, other.name) for other in resources}
    namespaces = {other.namespace for other in resources}
    spec = lookup(resource.manifest, "spec")
    broker = lookup(spec, "broker")
    if resource.qualified_kind == TRIGGER and broker and (BROKER, broker) not in present:
        yield f"spec.broker: there is no {BROKER} {broker}"
    for path, key, node in walk(spec, "spec"):
        if key in ("ref", "subject", "config") and "kind" in node and "name" in node:
            group = str(node.get("apiVersion", "")).rpartition("/")[0]
            kind = f"{node['kind']}.{group}" if group else node["kind"]
            is_foreign = node.get("namespace") and node["namespace"] not in namespaces
            if not is_foreign and (kind, node["name"]) not in present:
                yield f"{path}: there is no {kind} {node['name']}"


def check_selectors(resource: Resource, resources: Sequence[Resource]) -> Iterator[str]:
    """Network policies and Services select pods that the kustomization creates."""
    spec = lookup(resource.manifest, "spec")
    selectors: list[tuple[str, Any]] = []
    if resource.qualified_kind == NETWORK_POLICY:
        for path, _, node in walk(spec, "spec"):
            if "podSelector" in node and "namespaceSelector" not in node:
                selectors.append((f"{path}.podSelector", node["podSelector"]))
    elif resource.qualified_kind == "Service":
        selectors.append(("spec.selector", {"matchLabels": lookup(spec, "selector")}))
    for path, selector in selectors:
        is_empty = not any((selector or {}).values())
        if not is_empty and not any(selects(selector, labels) for other in resources for labels in pod_labels(other)):
            yield f"{path}: no pod of the kustomization has these labels"


def pod_labels(resource: Resource) -> Iterator[dict[str, str]]:
    """Yield the labels of the pods that a resource creates, including those that its controller adds."""
    if resource.qualified_kind in POD_KINDS:
        labels = dict(lookup(pod_template(resource), "metadata", "labels") or {})
        yield labels | ({"serving.knative.dev/service": resource.name} if resource.qualified_kind == KSERVICE else {})
    elif resource.qualified_kind == BROKER:  # the ingress of a RabbitMQ Broker runs in its namespace
        yield {"eventing.knative.dev/broker": resource.name}


def selects(selector: dict[str, Any], labels: Mapping[str, str]) -> bool:
    """Return whether a label selector matches `labels`."""
    equal = (labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return all(equal) and all(_matches(expression, labels) for expression in selector.get("matchExpressions") or [])


def _matches(expression: dict[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
    return value is None
