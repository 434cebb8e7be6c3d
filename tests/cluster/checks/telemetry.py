"""Telemetry of the functions, received by a collector and a trace backend in the cluster."""

import json
import re
import secrets
from pathlib import Path
from typing import Any

from tests.cluster.caller import container_security_context, pod_security_context
from tests.cluster.checks import Figures
from tests.cluster.functions import Functions, expect
from tests.cluster.installation import Installation
from tests.cluster.kubectl import Resource, wait_until

_COLLECTOR = "otel-collector"
_BACKEND = "traces"
_SCRIPT = Path(__file__).parent.parent / "trace_backend.py"
_EXPORT_SECONDS = 60
_CALLER_SPAN = "b7ad6b7169203331"
_REQUEST_TYPE = "otelworker.distance.requested.v1"
# Parent of each span of a job by name. Brokers may add spans in between.
_PARENTS = {
    "distance.submit": "POST /api/distance/calculate",
    f"publish {_REQUEST_TYPE}": "distance.submit",
    "distance.calculate": f"process {_REQUEST_TYPE}",
    "fetch": "distance.calculate",
    "DESCRIBE public.locations": "fetch",
    "COPY public.locations": "fetch",
    "commit": "distance.calculate",
}


def trace_job(installation: Installation) -> Figures:
    """With the component observability: a job has one trace over both functions, and the collector counts it."""
    if not any(resource["metadata"]["name"] == _COLLECTOR for resource in installation.rendered):
        return {"skipped": "this overlay has no collector"}
    _deploy_backend(installation)
    functions = Functions(installation)
    count_before = _completed_jobs(installation)
    trace_id = secrets.token_hex(16)
    request = functions.submission_request()
    request["headers"]["traceparent"] = f"00-{trace_id}-{_CALLER_SPAN}-01"
    response = installation.caller.send_all([request])[0]
    expect(response.status == 202, f"{response.status} to a submission")
    functions.wait_for_jobs([response.json()["job_id"]])

    def complete_trace() -> list[dict[str, str]]:
        spans = _read_spans(installation, trace_id)
        return spans if set(_PARENTS) <= {span["name"] for span in spans} else []

    spans = wait_until("the complete trace of the job", complete_trace, _EXPORT_SECONDS, interval=2)
    by_id = {span["id"]: span for span in spans}
    for span in spans:
        parent = by_id.get(span["parent"], {}).get("name")
        expect(parent == _PARENTS.get(span["name"], parent), f"the parent of {span['name']} is {parent}")
    roots = [span["name"] for span in spans if span["parent"] == _CALLER_SPAN]
    expect(roots == ["POST /api/distance/calculate"], f"the children of the caller's span are {roots}")
    orphans = sorted(span["name"] for span in spans if span["parent"] not in {*by_id, _CALLER_SPAN})
    wait_until(
        "the job counted by the collector",
        lambda: _completed_jobs(installation) == count_before + 1,
        _EXPORT_SECONDS,
        interval=2,
    )
    return {
        "spans of a job": str(len(spans)),
        "services in its trace": ", ".join(sorted({span["service"] for span in spans})),
        "spans whose parent is not exported": ", ".join(orphans) or "none",
        "completed jobs in the collector's metrics": f"{count_before + 1:.0f}",
    }


def _read_spans(installation: Installation, trace_id: str) -> list[dict[str, str]]:
    response = installation.caller.send("GET", f"http://{_BACKEND}:4318/{trace_id}")
    spans: list[dict[str, str]] = json.loads(response.body)
    return spans


def _completed_jobs(installation: Installation) -> float:
    text = installation.caller.send("GET", f"http://{_COLLECTOR}:8889/metrics").body
    return sum(map(float, re.findall(r"^distance_jobs_completed_total\{[^}]*\} (\S+)", text, re.MULTILINE)))


def _deploy_backend(installation: Installation) -> None:
    """Deploy the trace backend and configure the collector to export to it."""
    kubectl = installation.kubectl
    kubectl.apply(_backend_resources(installation.options.image))
    kubectl.run("wait", f"pod/{_BACKEND}", "--for=condition=Ready", "--timeout=120s")
    kubectl.run(
        *("set", "env", f"deployment/{_COLLECTOR}"),
        *("TRACES_EXPORTER=otlp_http/traces", f"TRACES_ENDPOINT=http://{_BACKEND}:4318"),
    )
    kubectl.run("rollout", "status", f"deployment/{_COLLECTOR}", "--timeout=120s")


def _backend_resources(image: str) -> list[Resource]:
    labels = {"app.kubernetes.io/name": _BACKEND}
    container: dict[str, Any] = {
        "name": _BACKEND,
        "image": image,
        "command": ["python3", "-c", _SCRIPT.read_text(encoding="utf-8")],
        "ports": [{"containerPort": 4318}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 4318}, "periodSeconds": 1},
        "securityContext": container_security_context(),
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
    }
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": pod_security_context(65532),
        "containers": [container],
    }
    service = {"selector": labels, "ports": [{"port": 4318}]}
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": _BACKEND, "labels": labels}, "spec": pod},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": _BACKEND}, "spec": service},
    ]
