"""The Broker, Triggers and subscriber of the cases, in the namespace of an installation."""

from collections.abc import Iterable
from pathlib import Path

from tests.cluster.caller import restricted, restricted_pod
from tests.cluster.delivery.cases import BACKOFF_SECONDS, REPLY, RETRIES, TIMEOUT_SECONDS, TYPE
from tests.cluster.kubectl import Resource

NAME = "delivery"
URL = f"http://{NAME}"
_SCRIPT = Path(__file__).with_name("subscriber.py")


def subscriber(image: str) -> list[Resource]:
    """A ConfigMap with the script, one pod that runs it by the Python of the project's image, its Service."""
    labels = {"app.kubernetes.io/name": NAME}
    container = {
        "name": NAME,
        "image": image,
        "command": ["python3", f"/{NAME}/{_SCRIPT.name}", "8080"],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "securityContext": restricted(),
        "volumeMounts": [{"name": "script", "mountPath": f"/{NAME}"}],
    }
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": restricted_pod(65532),
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


def eventing(rendered: Iterable[Resource]) -> list[Resource]:
    """A Broker of the overlay's class and config, and Triggers with the annotations of the overlay's."""
    own = {one["kind"]: one for one in rendered if one["kind"] in {"Broker", "Trigger"}}
    broker = _resource("eventing.knative.dev/v1", "Broker", NAME, **_spec(own["Broker"]))
    broker["metadata"]["annotations"] = own["Broker"]["metadata"].get("annotations", {})
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
                "filter": {"attributes": {"type": kind}},
                "subscriber": _destination(path),
                "delivery": delivery,
            },
        )
        for path, kind in (("/", TYPE), ("/reply", REPLY))
    ]
    for trigger in triggers:
        trigger["metadata"]["annotations"] = own["Trigger"]["metadata"].get("annotations", {})
    return [broker, *triggers]


def _spec(of: Resource) -> Resource:
    return {"spec": of["spec"]} if "spec" in of else {}


def _destination(path: str) -> Resource:
    return {"ref": {"apiVersion": "v1", "kind": "Service", "name": NAME}, "uri": path}


def _resource(version: str, kind: str, name: str, **content: Resource) -> Resource:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **content}
