"""Which pods a label selector takes, and which pods resources make."""

from typing import Any

import pytest

from manifests.knative.selectors import ANY, pods_of, selects
from manifests.resources import Resource

LABELS = {"app": "worker", "revision": ANY}


def selector(**said: Any) -> Any:
    return Resource({"spec": {"podSelector": said}}).root["spec"]["podSelector"]


def expression(operator: str, key: str, *values: str) -> dict[str, object]:
    return {"key": key, "operator": operator, "values": list(values)}


def resource(api_version: str, kind: str, spec: object, **metadata: object) -> Resource:
    return Resource({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a", **metadata}, "spec": spec})


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ({"matchLabels": {"app": "worker"}}, True),
        ({"matchLabels": {"app": "other"}}, False),
        ({"matchLabels": {"app": "worker", "tier": "functions"}}, False),
        ({"matchLabels": {"revision": "worker-00001"}}, True),
        ({"matchExpressions": [expression("In", "app", "worker", "other")]}, True),
        ({"matchExpressions": [expression("In", "app", "other")]}, False),
        ({"matchExpressions": [expression("NotIn", "app", "worker")]}, False),
        ({"matchExpressions": [expression("NotIn", "tier", "functions")]}, True),
        ({"matchExpressions": [expression("Exists", "app")]}, True),
        ({"matchExpressions": [expression("Exists", "tier")]}, False),
        ({"matchExpressions": [expression("DoesNotExist", "tier")]}, True),
        ({"matchExpressions": [expression("DoesNotExist", "app")]}, False),
    ],
)
def test_a_selector_takes_pods_by_all_that_it_says(said: dict[str, Any], taken: bool) -> None:
    assert selects(selector(**said), LABELS) is taken


TEMPLATE = {"template": {"metadata": {"labels": {"app": "a"}}}}


@pytest.mark.parametrize(
    ("made", "labels"),
    [
        (resource("v1", "Pod", {}, labels={"app": "a"}), {"app": "a"}),
        (resource("apps/v1", "Deployment", TEMPLATE), {"app": "a"}),
        (resource("batch/v1", "CronJob", {"jobTemplate": {"spec": TEMPLATE}}), {"app": "a"}),
        (resource("batch/v1", "Job", TEMPLATE), {"app": "a", "job-name": "a"}),
        (resource("serving.knative.dev/v1", "Service", TEMPLATE), {"app": "a", "serving.knative.dev/service": "a"}),
        (resource("eventing.knative.dev/v1", "Broker", {}), {"eventing.knative.dev/broker": "a"}),
        (resource("eventing.knative.dev/v1", "Trigger", {"broker": "b"}), {"eventing.knative.dev/trigger": "a"}),
        (resource("rabbitmq.com/v1beta1", "RabbitmqCluster", {}), {"app.kubernetes.io/name": "a"}),
    ],
    ids=lambda made: made.kind if isinstance(made, Resource) else "",
)
def test_a_resource_makes_pods_with_its_own_labels_and_those_of_its_controller(
    made: Resource, labels: dict[str, str]
) -> None:
    (found,) = pods_of(made)
    assert labels.items() <= found.items()
