"""The subscriber, a Broker of its own and its Triggers, for a cluster."""

from pathlib import Path

from cluster.caller import restricted, restricted_pod
from cluster.delivery import cases, subscriber
from cluster.kubectl import Resource

NAME = "delivery"
_PORT = 8080
_SCRIPT = Path(subscriber.__file__).read_text(encoding="utf-8")


def manifests(image: str, broker: Resource) -> list[Resource]:
    """What the cases need in a namespace; `broker` is the installation's, whose class and configuration are tried."""
    labels = {"app.kubernetes.io/name": NAME}
    container = {
        "name": "subscriber",
        "image": image,
        "command": ["python3", "/script/subscriber.py", str(_PORT)],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": _PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "50m", "memory": "32Mi"}},
        "securityContext": restricted(),
        "volumeMounts": [{"name": "script", "mountPath": "/script"}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": restricted_pod(65532),
        "containers": [container],
        "volumes": [{"name": "script", "configMap": {"name": NAME}}],
    }
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    annotations = broker["metadata"].get("annotations", {})
    return [
        _resource("v1", "ConfigMap") | {"data": {"subscriber.py": _SCRIPT}},
        _resource("apps/v1", "Deployment") | {"spec": spec},
        _resource("v1", "Service")
        | {"spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": _PORT}]}},
        _resource("eventing.knative.dev/v1", "Broker", **annotations) | {"spec": broker.get("spec", {})},
        _trigger("delivery-cases", cases.TYPE, "/", dead_letter=True),
        _trigger("delivery-replies", subscriber.REPLY, "/replies", dead_letter=False),
    ]


def _resource(version: str, kind: str, **annotations: str) -> Resource:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": NAME, "annotations": annotations}}


def _trigger(name: str, kind: str, uri: str, *, dead_letter: bool) -> Resource:
    def to(uri: str) -> Resource:
        return {"ref": {"apiVersion": "v1", "kind": "Service", "name": NAME}, "uri": uri}

    delivery: Resource = {
        "retry": cases.RETRY,
        "backoffPolicy": "exponential",
        "backoffDelay": f"PT{cases.BACKOFF_SECONDS}S",
        "timeout": f"PT{cases.TIMEOUT_SECONDS:.0f}S",
    }
    if dead_letter:
        delivery["deadLetterSink"] = to("/dead-letter")
    return {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "metadata": {"name": name},
        "spec": {
            "broker": NAME,
            "filter": {"attributes": {"type": kind}},
            "subscriber": to(uri),
            "delivery": delivery,
        },
    }
