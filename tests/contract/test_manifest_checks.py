"""Each check of the manifests finds the change that breaks it, and accepts the base."""

import copy
from functools import cache
from typing import Any

import pytest

from shared.config.settings import read
from tests.contract.markdown import ROOT
from tests.contract.world import World
from tools.docs.settings import SECRETS as SECRET_SETTINGS
from tools.manifests import project
from tools.manifests.__main__ import find_errors
from tools.manifests.references import SECRETS, pod_labels, selects
from tools.manifests.rendering import render
from tools.manifests.resources import Resource

CALCULATE, TRIGGER, SWEEP = "Service/distance-calculate", "Trigger/distance-requested", "PingSource/distance-sweep"
CONTAINER = "spec.template.spec.containers.0"
DELIVERY = "spec.delivery"


@cache
def base() -> tuple[Resource, ...]:
    return tuple(render(ROOT / "knative" / "base"))


def changed(name: str, path: str, value: object) -> list[Resource]:
    """Return the base with another value at `path` of one resource; None removes it."""
    resources = [Resource(copy.deepcopy(one.manifest), one.origin) for one in base()]
    node: Any
    (node,) = (one.manifest for one in resources if f"{one.kind}/{one.name}" == name)
    *above, last = [int(key) if key.isdecimal() else key for key in path.split(".")]
    for key in above:
        node = node[key]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return resources


def without(name: str) -> list[Resource]:
    return [one for one in base() if f"{one.kind}/{one.name}" != name]


def variable(name: str, **value: object) -> dict[str, Any]:
    return {"name": name, **value}


def secret(name: str, key: str) -> dict[str, Any]:
    return {"valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


def test_the_base_has_no_errors() -> None:
    assert find_errors(base()) == []


@pytest.mark.parametrize(
    ("name", "path", "value", "error"),
    [
        (CALCULATE, f"{CONTAINER}.env.0.value", "calculat", '"calculat" is not defined in functions/calculate/main.py'),
        (CALCULATE, f"{CONTAINER}.env.1.value", "main.py", 'FUNCTION_SOURCE: "main.py" is not a file of the project'),
        (CALCULATE, f"{CONTAINER}.env.2", variable("GRACE_SECOND", value="1"), "GRACE_SECOND is not a setting"),
        (CALCULATE, f"{CONTAINER}.env.2", variable("LOG_LEVEL", value="LOUD"), "calculate does not start: LOG_LEVEL: "),
        (
            CALCULATE,
            f"{CONTAINER}.env.2.value",
            "570",
            "GRACE_SECONDS: 570 s after a drain of 30 s end after timeoutSec",
        ),
        (
            CALCULATE,
            f"{CONTAINER}.envFrom.0.secretRef.name",
            "distance",
            "envFrom[0].secretRef: there is no Secret dist",
        ),
        (
            CALCULATE,
            f"{CONTAINER}.envFrom.1.configMapRef.name",
            "otel",
            "envFrom[1].configMapRef: there is no ConfigMap",
        ),
        (
            CALCULATE,
            f"{CONTAINER}.env.2",
            variable("API_KEYS", **secret("otel-worker-access", "KEYS")),
            "env[2].valueFrom.secretKeyRef: Secret otel-worker-access has no key KEYS",
        ),
        (
            CALCULATE,
            "spec.template.spec.serviceAccountName",
            "root",
            "serviceAccountName: there is no ServiceAccount root",
        ),
        (CALCULATE, "metadata.labels", {}, "metadata.labels: calculate is public without networking.knative.dev"),
        (
            "Job/distance-buckets",
            "spec.template.spec.volumes.0.projected.sources.1.secret.items.0.key",
            "KEY",
            "volumes[0].projected.sources[1].secret: Secret distance-calculate has no key KEY",
        ),
        (TRIGGER, "spec.broker", "default", "spec.broker: there is no Broker.eventing.knative.dev default"),
        (
            TRIGGER,
            "spec.filter.attributes.type",
            "otelworker.distance.requested",
            "otelworker.distance.requested is not",
        ),
        (
            TRIGGER,
            "spec.subscriber.ref.name",
            "calculate",
            "spec.subscriber.ref: there is no Service.serving.knative.dev",
        ),
        (TRIGGER, f"{DELIVERY}.timeout", "PT10M", "PT10M is not above timeoutSeconds of distance-calculate (600 s)"),
        (TRIGGER, f"{DELIVERY}.timeout", "10m", "spec.delivery.timeout: 10m is not an ISO 8601 duration"),
        (TRIGGER, f"{DELIVERY}.deadLetterSink", None, "spec.delivery: without a deadLetterSink"),
        (
            TRIGGER,
            f"{DELIVERY}.deadLetterSink.uri",
            "/dead",
            "spec.delivery.deadLetterSink.uri: /dead is not one of /, ",
        ),
        (SWEEP, "spec.sink.uri", "/sweeps", "spec.sink.uri: /sweeps is not one of /, /dead-letter, /sweep"),
        (
            "NetworkPolicy/database",
            "spec.podSelector.matchLabels",
            {"app.kubernetes.io/name": "calculate"},
            "spec.podSelector: no pod of the kustomization has these labels",
        ),
        (
            "NetworkPolicy/smoke-test",
            "spec.egress.0.to.0",
            {"podSelector": {"matchLabels": {"app": "minio"}}},
            "spec.egress[0].to[0].podSelector: no pod",
        ),
    ],
)
def test_a_broken_manifest_is_an_error(name: str, path: str, value: object, error: str) -> None:
    assert error in "\n".join(find_errors(changed(name, path, value)))


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("SinkBinding/distance-calculate", "K_SINK is missing: the sweep publishes events"),
        ("SinkBinding/distance-submit", "submit does not start: K_SINK: this setting is missing"),
        ("ServiceAccount/distance-list", "there is no ServiceAccount distance-list"),
        ("Broker/otel-worker", "spec.sink.ref: there is no Broker.eventing.knative.dev otel-worker"),
    ],
)
def test_a_missing_resource_is_an_error(name: str, error: str) -> None:
    assert error in "\n".join(find_errors(without(name)))


def test_an_error_names_file_resource_and_field() -> None:
    (error,) = find_errors(changed(SWEEP, "spec.sink.uri", "/sweeps"))
    assert error.startswith("knative/base/eventing.yaml: PingSource/distance-sweep: spec.sink.uri: ")


def test_the_checks_of_the_project_wait_for_the_schemas() -> None:
    (error,) = find_errors(changed(CALCULATE, f"{CONTAINER}.env", "text"))
    assert error.endswith("spec.template.spec.containers[0].env: 'text' is not of type 'array'")


def test_a_reference_to_a_foreign_namespace_is_not_checked() -> None:
    ref = {"apiVersion": "v1", "kind": "Service", "name": "log", "namespace": "elsewhere"}
    assert find_errors(changed(SWEEP, "spec.sink", {"ref": ref})) == []


def test_optional_references_may_be_missing() -> None:
    source = {"secretRef": {"name": "absent", "optional": True}}
    assert find_errors(changed(CALCULATE, f"{CONTAINER}.envFrom.1", source)) == []


def test_placeholders_are_accepted_by_the_functions_that_read_them() -> None:
    names = {*SECRET_SETTINGS, "OTEL_EXPORTER_OTLP_HEADERS", "AWS_ACCESS_KEY_ID", "POSTGRES_USER"}
    read({name: project.placeholder(name) for name in names}, "calculate")


def test_the_routes_of_events_are_those_of_calculate() -> None:
    calculate = next(service for service in World().services if service._name == project.CALCULATE)
    assert set(project.ROUTES) == {path for method, path in calculate.router.routes() if method == "POST"}


def test_each_function_has_a_secret() -> None:
    assert {service._name for service in World().services} <= set(SECRETS)


def expression(operator: str, key: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, True),
        ({"matchLabels": {"app": "worker"}}, True),
        ({"matchLabels": {"app": "other"}}, False),
        ({"matchLabels": {"app": "worker", "tier": "functions"}}, False),
        (expression("In", "app", "worker", "other"), True),
        (expression("In", "app", "other"), False),
        (expression("NotIn", "app", "worker"), False),
        (expression("NotIn", "tier", "functions"), True),
        (expression("Exists", "app"), True),
        (expression("Exists", "tier"), False),
        (expression("DoesNotExist", "tier"), True),
        (expression("DoesNotExist", "app"), False),
    ],
)
def test_a_selector_matches_labels_as_in_kubernetes(selector: dict[str, Any], expected: bool) -> None:
    assert selects(selector, {"app": "worker"}) is expected


TEMPLATE = {"template": {"metadata": {"labels": {"app": "a"}}}}


@pytest.mark.parametrize(
    ("api_version", "kind", "spec", "labels"),
    [
        ("v1", "Pod", {}, {"own": "a"}),
        ("apps/v1", "Deployment", TEMPLATE, {"app": "a"}),
        ("batch/v1", "CronJob", {"jobTemplate": {"spec": TEMPLATE}}, {"app": "a"}),
        ("serving.knative.dev/v1", "Service", TEMPLATE, {"app": "a", "serving.knative.dev/service": "a"}),
        ("eventing.knative.dev/v1", "Broker", {}, {"eventing.knative.dev/broker": "a"}),
    ],
)
def test_pods_have_the_labels_of_their_template_and_their_controller(
    api_version: str, kind: str, spec: object, labels: dict[str, str]
) -> None:
    manifest = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "a", "labels": {"own": "a"}},
        "spec": spec,
    }
    assert list(pod_labels(Resource(manifest))) == [labels]
