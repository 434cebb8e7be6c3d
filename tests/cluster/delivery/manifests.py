"""Manifests of the Broker, Triggers and subscriber of the delivery cases."""

from collections.abc import Iterable
from pathlib import Path

from tests.cluster.caller import container_security_context, pod_security_context
from tests.cluster.delivery.cases import BACKOFF_SECONDS, REPLY_TYPE, RETRIES, TIMEOUT_SECONDS, TYPE
from tests.cluster.kubectl import Resource

NAME = "delivery"
URL = f"http://{NAME}"
_SCRIPT = Path(__file__).with_name("subscriber.py")


def subscriber_resources(image: str) -> list[Resource]:
    """Return a ConfigMap with the script, a Deployment that runs it in the project's image, and its Service."""
    labels = {"app.kubernetes.io/name": NAME}
    container = {
        "name": NAME,
        "image": image,
        "command": ["python3", f"/{NAME}/{_SCRIPT.name}", "8080"],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "securityContext": container_security_context(),
        "volumeMounts": [{"name": "script", "mountPath": f"/{NAME}"}],
    }
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": pod_security_context(65532),
        "containers": [container],
        "volumes": [{"name": "script", "configMap": {"name": NAME}}],
    }
    return [
        _resource("v1", "ConfigMap", NAME, data={_SCRIPT.name: _SCRIPT.read_text(encoding="utf-8")}),
        _resource(
            "apps/v1",
            "Deployment",
            NAME,
            spec={
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        ),
        _resource("v1", "Service", NAME, spec={"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]}),
    ]


def eventing_resources(rendered: Iterable[Resource]) -> list[Resource]:
    """Return a Broker with the class and configuration of the overlay's, and Triggers with its annotations."""
    overlay = {resource["kind"]: resource for resource in rendered if resource["kind"] in {"Broker", "Trigger"}}
    broker = _resource("eventing.knative.dev/v1", "Broker", NAME, **_spec(overlay["Broker"]))
    broker["metadata"]["annotations"] = overlay["Broker"]["metadata"].get("annotations", {})
    delivery = {
        "retry": RETRIES,
        "backoffPolicy": "exponential",
        "backoffDelay": f"PT{BACKOFF_SECONDS}S",
        "timeout": f"PT{TIMEOUT_SECONDS}S",
        "deadLetterSink": _destination("/dead-letter"),
    }
    triggers = [
        _resource(
            "eventing.knative.dev/v1",
            "Trigger",
            f"{NAME}-{path.strip('/') or 'case'}",
            spec={
                "broker": NAME,
                "filter": {"attributes": {"type": event_type}},
                "subscriber": _destination(path),
                "delivery": delivery,
            },
        )
        for path, event_type in (("/", TYPE), ("/reply", REPLY_TYPE))
    ]
    for trigger in triggers:
        trigger["metadata"]["annotations"] = overlay["Trigger"]["metadata"].get("annotations", {})
    return [broker, *triggers]


def _spec(resource: Resource) -> Resource:
    return {"spec": resource["spec"]} if "spec" in resource else {}


def _destination(path: str) -> Resource:
    return {"ref": {"apiVersion": "v1", "kind": "Service", "name": NAME}, "uri": path}


def _resource(version: str, kind: str, name: str, **content: Resource) -> Resource:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **content}
