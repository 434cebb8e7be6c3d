"""What the functions tell, as a collector and a backend for traces in the cluster get it."""

import json
import re
import secrets
from pathlib import Path
from typing import Any

from tests.cluster.caller import restricted, restricted_pod
from tests.cluster.checks.end_to_end import Figures
from tests.cluster.functions import Functions, expect
from tests.cluster.installation import Installation
from tests.cluster.kubectl import Resource, until

_COLLECTOR = "otel-collector"
_BACKEND = "traces"
_SCRIPT = Path(__file__).parent.parent / "in_traces.py"
_TOLD_SECONDS = 60
_CALLER = "b7ad6b7169203331"
_REQUESTED = "otelworker.distance.requested.v1"
# Each span's name and its parent's, on the way from a submission to the fixes; brokers may stand between.
_WAY = {
    "distance.submit": "POST /api/distance/calculate",
    f"publish {_REQUESTED}": "distance.submit",
    "distance.calculate": f"process {_REQUESTED}",
    "fetch": "distance.calculate",
    "DESCRIBE public.locations": "fetch",
    "COPY public.locations": "fetch",
    "commit": "distance.calculate",
}


def told(installation: Installation) -> Figures:
    """With the observability component: one trace over both functions, and a job counted by the collector."""
    if not any(one["metadata"]["name"] == _COLLECTOR for one in installation.rendered):
        return {"collector": "none in this overlay"}
    _with_backend(installation)
    functions = Functions(installation)
    before = _completed(installation)
    trace_id = secrets.token_hex(16)
    asked = functions.submission()
    asked["headers"]["traceparent"] = f"00-{trace_id}-{_CALLER}-01"
    answer = installation.caller.ask_together([asked])[0]
    expect(answer.status == 202, f"a submission was answered with {answer.status}")
    functions.followed([answer.json()["job_id"]])

    def whole() -> list[dict[str, str]]:
        found = _spans(installation, trace_id)
        return found if set(_WAY) <= {span["name"] for span in found} else []

    spans = until("the trace of a job", whole, _TOLD_SECONDS, every=2)
    by_id = {span["id"]: span for span in spans}
    for span in spans:
        above = by_id.get(span["parent"], {}).get("name")
        expect(above == _WAY.get(span["name"], above), f"{span['name']} stands under {above}")
    roots = [span["name"] for span in spans if span["parent"] == _CALLER]
    expect(roots == ["POST /api/distance/calculate"], f"under the caller's span stand {roots}")
    lost = sorted(span["name"] for span in spans if span["parent"] not in {*by_id, _CALLER})
    until("the job counted", lambda: _completed(installation) == before + 1, _TOLD_SECONDS, every=2)
    return {
        "spans of a job": str(len(spans)),
        "services in its trace": ", ".join(sorted({span["service"] for span in spans})),
        "spans whose parent tells nothing here": ", ".join(lost) or "none",
        "completed jobs that the collector counts": f"{before + 1:.0f}",
    }


def _spans(installation: Installation, trace_id: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(installation.caller.asks("GET", f"http://{_BACKEND}:4318/{trace_id}").body)
    return found


def _completed(installation: Installation) -> float:
    text = installation.caller.asks("GET", f"http://{_COLLECTOR}:8889/metrics").body
    return sum(map(float, re.findall(r"^distance_jobs_completed_total\{[^}]*\} (\S+)", text, re.MULTILINE)))


def _with_backend(installation: Installation) -> None:
    """A pod that keeps traces, and the collector sending them there."""
    kubectl = installation.kubectl
    kubectl.apply(_backend(installation.options.image))
    kubectl.run("wait", f"pod/{_BACKEND}", "--for=condition=Ready", "--timeout=120s")
    kubectl.run(
        *("set", "env", f"deployment/{_COLLECTOR}"),
        *("TRACES_EXPORTER=otlp_http/traces", f"TRACES_ENDPOINT=http://{_BACKEND}:4318"),
    )
    kubectl.run("rollout", "status", f"deployment/{_COLLECTOR}", "--timeout=120s")


def _backend(image: str) -> list[Resource]:
    labels = {"app.kubernetes.io/name": _BACKEND}
    container: dict[str, Any] = {
        "name": _BACKEND,
        "image": image,
        "command": ["python3", "-c", _SCRIPT.read_text(encoding="utf-8")],
        "ports": [{"containerPort": 4318}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 4318}, "periodSeconds": 1},
        "securityContext": restricted(),
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
    }
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": restricted_pod(65532),
        "containers": [container],
    }
    service = {"selector": labels, "ports": [{"port": 4318}]}
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": _BACKEND, "labels": labels}, "spec": pod},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": _BACKEND}, "spec": service},
    ]
