"""Check that manifests name what the code has: functions, settings, event types and routes.

The checks expect resources that conform to their schemas, and ignore kinds that they do not know.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from shared import events
from shared.config import settings
from shared.errors import SettingsError
from tools.manifests.references import ENVIRONMENT_SOURCES, entries
from tools.manifests.resources import KSERVICE, SINK_BINDING, TRIGGER, Resource, lookup, pod_template, walk

ROOT = Path(__file__).resolve().parents[2]
BROKER_NAME = "otel-worker"
CALCULATE = "distance-calculate"
EVENT_TYPES = (events.REQUESTED, events.COMPLETED, events.FAILED)
ROUTES = ("/", "/dead-letter", "/sweep")  # POST routes of calculate; a test compares them with the handlers
DRAIN_SECONDS = 30  # queue-proxy sends SIGTERM after that time without a request
_DEFAULT_TIMEOUT_SECONDS = 300
_PLACEHOLDERS = {  # for values that are in Secrets
    "DATABASE_URL": "postgresql://reader@database/owntracks",
    "API_KEYS": "k" * 32,
    "RATE_LIMIT_STORE": "redis://store",
    "SENTRY_DSN": "https://key@sentry.example/1",
    "OTEL_EXPORTER_OTLP_HEADERS": "name=key",
}
_OTHER_VARIABLES = {"FUNCTION_TARGET", "FUNCTION_SOURCE", "BIND_HOST", "HOME", "PYTHONPATH", "TZ"}
_LIBRARY_PREFIXES = ("OTEL_", "AWS_", "PG")
_DURATION = TypeAdapter(timedelta)


def check_functions(resource: Resource, resources: Sequence[Resource]) -> Iterator[str]:
    """A container's function exists, its variables are settings, and it starts with them."""
    for container, variables in _functions(resource):
        target, source = variables.get("FUNCTION_TARGET", ""), variables.get("FUNCTION_SOURCE", "")
        file = ROOT / source
        if not file.is_file():
            yield f'FUNCTION_SOURCE: "{source}" is not a file of the project'
        elif not re.search(
            rf"(?m)^(def {re.escape(target)}\(|{re.escape(target)} =)", file.read_text(encoding="utf-8")
        ):
            yield f'FUNCTION_TARGET: "{target}" is not defined in {source}'
        environment = _environment(container, resources)
        known = {*settings.SETTING_NAMES, *_OTHER_VARIABLES}
        for name in environment:
            if name not in known and not name.startswith(_LIBRARY_PREFIXES):
                yield f"{name} is not a setting"
        if resource.qualified_kind == KSERVICE:
            yield from _check_start(target, environment | _sink(resource, resources))


def _functions(resource: Resource) -> Iterator[tuple[Any, dict[str, str]]]:
    """Yield each container that runs a function, with the variables that it sets by name."""
    for container in lookup(pod_template(resource), "spec", "containers") or []:
        variables = {entry["name"]: str(entry.get("value") or "") for entry in container.get("env") or []}
        if "FUNCTION_TARGET" in variables or "FUNCTION_SOURCE" in variables:
            yield container, variables


def _environment(container: Any, resources: Sequence[Resource]) -> dict[str, str]:
    """Return the environment of a container, with placeholders for the values of Secrets."""
    environment: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        for field, kind in ENVIRONMENT_SOURCES.items():
            for name, value in entries(kind, lookup(source, field, "name") or "", resources).items():
                environment[source.get("prefix", "") + name] = placeholder(name) if value is None else value
    for entry in container.get("env") or []:
        environment[entry["name"]] = placeholder(entry["name"]) if "valueFrom" in entry else entry.get("value") or ""
    return environment


def placeholder(name: str) -> str:
    """Return an acceptable value of a variable whose value is in a Secret."""
    return _PLACEHOLDERS.get(name, "key")


def _sink(service: Resource, resources: Sequence[Resource]) -> dict[str, str]:
    """Return the variable that a SinkBinding injects into a Service."""
    subjects = [
        lookup(other.manifest, "spec", "subject") for other in resources if other.qualified_kind == SINK_BINDING
    ]
    is_bound = service.name in [lookup(subject, "name") for subject in subjects]
    return {"K_SINK": "http://broker.example"} if is_bound else {}


def _check_start(target: str, environment: Mapping[str, str]) -> Iterator[str]:
    try:
        settings.read(environment, target)
    except SettingsError as exc:
        yield f"{target} does not start: {exc}"
    if target == "calculate" and "K_SINK" not in environment:
        yield "K_SINK is missing: the sweep publishes events, so calculate needs a SinkBinding"


def check_services(resource: Resource, _: Sequence[Resource]) -> Iterator[str]:
    """Calculate is cluster-local, and the grace period of a function ends before its pod is killed."""
    if resource.qualified_kind != KSERVICE:
        return
    visibility = lookup(resource.manifest, "metadata", "labels", "networking.knative.dev/visibility")
    if resource.name == CALCULATE and visibility != "cluster-local":
        yield "metadata.labels: calculate is public without networking.knative.dev/visibility: cluster-local"
    timeout = _timeout_seconds(resource)
    for _container, variables in _functions(resource):
        grace = variables.get("GRACE_SECONDS", "")
        if grace.isdecimal() and DRAIN_SECONDS + int(grace) >= timeout:
            yield f"GRACE_SECONDS: {grace} s after a drain of {DRAIN_SECONDS} s end after timeoutSeconds ({timeout} s)"


def _timeout_seconds(service: Resource) -> int:
    return lookup(service.manifest, "spec", "template", "spec", "timeoutSeconds") or _DEFAULT_TIMEOUT_SECONDS


def check_triggers(resource: Resource, resources: Sequence[Resource]) -> Iterator[str]:
    """A Trigger selects an existing event type, has a dead-letter sink, and waits longer than its subscriber."""
    spec = lookup(resource.manifest, "spec")
    if resource.qualified_kind != TRIGGER or lookup(spec, "broker") != BROKER_NAME:
        return
    event_type = lookup(spec, "filter", "attributes", "type")
    if event_type and event_type not in EVENT_TYPES:
        yield f"spec.filter.attributes.type: {event_type} is not one of {', '.join(EVENT_TYPES)}"
    subscriber = lookup(spec, "subscriber", "ref", "name")
    if subscriber == CALCULATE and not lookup(spec, "delivery", "deadLetterSink"):
        yield "spec.delivery: without a deadLetterSink the jobs of undeliverable events do not fail"
    timeout = lookup(spec, "delivery", "timeout")
    for service in resources:
        if timeout and (service.qualified_kind, service.name) == (KSERVICE, subscriber):
            limit = _timeout_seconds(service)
            try:
                is_short = _DURATION.validate_python(timeout) <= timedelta(seconds=limit)
            except ValidationError:
                yield f"spec.delivery.timeout: {timeout} is not an ISO 8601 duration"
                continue
            if is_short:
                yield f"spec.delivery.timeout: {timeout} is not above timeoutSeconds of {subscriber} ({limit} s)"


def check_routes(resource: Resource, _: Sequence[Resource]) -> Iterator[str]:
    """Events for calculate go to a route that accepts them."""
    if resource.group.endswith(".knative.dev"):
        for path, _key, node in walk(lookup(resource.manifest, "spec"), "spec"):
            uri = node.get("uri", "/")
            is_calculate = lookup(node, "ref", "kind") == "Service" and lookup(node, "ref", "name") == CALCULATE
            if is_calculate and uri not in ROUTES:
                yield f"{path}.uri: {uri} is not one of {', '.join(ROUTES)}"
