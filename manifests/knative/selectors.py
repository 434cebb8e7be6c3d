"""Selectors of pods: one that selects none is a policy or a Service without effect."""

from collections.abc import Iterator, Mapping, Sequence

from manifests.resources import BROKER, KSERVICE, NETWORK_POLICY, TRIGGER, Field, Resource
from manifests.rules import Faults, Rules

RULES = Rules()
ANY = "*"  # a value that is known only in the cluster
Labels = Mapping[str, str]
_WORKLOADS = ("Deployment.apps", "StatefulSet.apps", "DaemonSet.apps")


def pods_of(resource: Resource) -> Iterator[Labels]:
    """The labels of the pods that a resource makes, its controllers' own among them."""
    spec, name = resource.root["spec"], resource.name
    kind = resource.qualified_kind
    if kind == "Pod":
        yield _texts(resource.root["metadata"]["labels"])
    elif kind == "CronJob.batch":
        yield _texts(spec["jobTemplate"]["spec"]["template"]["metadata"]["labels"])
    elif kind == KSERVICE:
        own = {f"serving.knative.dev/{what}": name for what in ("service", "configuration")}
        yield _texts(spec["template"]["metadata"]["labels"]) | own | {"serving.knative.dev/revision": ANY}
    elif kind == "Job.batch":
        own = dict.fromkeys(("job-name", "batch.kubernetes.io/job-name"), name)
        yield _texts(spec["template"]["metadata"]["labels"]) | own
    elif kind == "RabbitmqCluster.rabbitmq.com":
        yield {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "rabbitmq"}
    elif kind in (BROKER, TRIGGER):  # RabbitMQ's pods run beside their broker
        named = spec["broker"].text if kind == TRIGGER else name
        own = {"eventing.knative.dev/broker": named, "eventing.knative.dev/brokerRole": ANY}
        yield own | ({"eventing.knative.dev/trigger": name} if kind == TRIGGER else {})
    else:
        yield _texts(spec["template"]["metadata"]["labels"])


def _texts(labels: Field) -> dict[str, str]:
    return {key: place.text for key, place in labels.items()}


def selects(selector: Field, labels: Labels) -> bool:
    """Whether a label selector takes a pod with these labels."""
    said = {**_texts(selector["matchLabels"])}
    if any(labels.get(key) not in (value, ANY) for key, value in said.items()):
        return False
    return all(_expressed(one, labels) for one in selector["matchExpressions"])


def _expressed(expression: Field, labels: Labels) -> bool:
    value = labels.get(expression["key"].text)
    values = [one.text for one in expression["values"]]
    match expression["operator"].text:
        case "In":
            return value in (*values, ANY)
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None


def _taken(selector: Field, resources: Sequence[Resource]) -> bool:
    namespace = selector.resource.namespace
    here = (one for one in resources if one.namespace in (namespace, ""))
    return any(selects(selector, labels) for one in here for labels in pods_of(one))


@RULES.among(NETWORK_POLICY)
def policy_for_no_pod(root: Field, resources: Sequence[Resource]) -> Faults:
    """An empty selector is meant for every pod; one with a namespace is about pods elsewhere."""
    spec = root["spec"]
    selectors = [spec["podSelector"]]
    for side, peers in (("ingress", "from"), ("egress", "to")):
        for rule in spec[side]:
            selectors += [peer["podSelector"] for peer in rule[peers] if "namespaceSelector" not in peer]
    for place in selectors:
        if place.value and not _taken(place, resources):
            yield place, "no pod of what is applied has these labels"


@RULES.among("Service")
def service_for_no_pod(root: Field, resources: Sequence[Resource]) -> Faults:
    place = root["spec"]["selector"]
    selector = Field(root.resource, place.way, {"matchLabels": place.value})
    if place.value and not _taken(selector, resources):
        yield place, "no pod of what is applied has these labels"


@RULES.of(*_WORKLOADS)
def selector_of_a_workload(root: Field) -> Faults:
    place = root["spec"]["selector"]
    if place.given and not any(selects(place, labels) for labels in pods_of(root.resource)):
        yield place, "it does not select the pods of its own template"
