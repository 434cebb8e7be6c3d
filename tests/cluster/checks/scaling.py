"""From zero and back: cold starts beside a function that does nothing, and many jobs at once."""

import statistics
import threading
import time
from collections import defaultdict
from pathlib import Path

from tests.cluster.caller import restricted
from tests.cluster.checks.end_to_end import Figures
from tests.cluster.functions import SAMPLE, Functions, expect
from tests.cluster.installation import Installation
from tests.cluster.kubectl import Resource, until

_ROUNDS = 5
_SUBMISSIONS = 10
_HELLO = Path(__file__).parents[3] / "benchmarks" / "hello.py"
_PATHS = {
    "submit": "/healthz",
    "status": "/api/distance/jobs/none",
    "list": "/api/distance/jobs",
    "calculate": "/healthz",
    "hello": "/",
}


def cold_starts(installation: Installation) -> Figures:
    """Every function answers from zero, each round's starts one after another; hello is the bare framework."""
    functions = Functions(installation)
    installation.kubectl.apply(_hello(installation.options.image))
    installation.wait_until_ready()
    urls = functions.urls | {"hello": installation.url("hello")}
    services = ["hello", *(f"distance-{name}" for name in functions.urls)]
    cold, warm = defaultdict(list), defaultdict(list)
    for number in range(_ROUNDS):
        until("everything at zero", lambda: not any(map(installation.running, services)), 300)
        order = sorted(urls, key=lambda name: (list(urls).index(name) + 2 * number) % len(urls))
        for name in order:  # whoever is last starts while the first ones end: another one each time
            url = urls[name]
            first = installation.caller.asks("GET", url + _PATHS[name])
            expect(first.status in (200, 404), f"{name} answered from zero with {first.status}: {first.body[:200]}")
            cold[name].append(first.seconds)
            warm[name].append(installation.caller.asks("GET", url + _PATHS[name]).seconds)
    installation.kubectl.delete("ksvc", "hello")
    bare = statistics.median(cold["hello"])
    figures = {}
    for name in urls:
        seconds, milliseconds = statistics.median(cold[name]), statistics.median(warm[name]) * 1000
        figures[name] = f"{seconds:.2f} s from zero ({seconds / bare:.1f} times hello's), {milliseconds:.0f} ms warm"
    return figures


def event_from_zero(installation: Installation) -> Figures:
    """An event of another producer wakes calculate from zero; the same event again is the same job."""
    functions = Functions(installation)
    functions.at_zero("calculate")
    began = time.monotonic()
    event_id = functions.published(SAMPLE)
    job_id = _listed_after(installation, functions, began)
    [job] = functions.followed([job_id])
    seconds = time.monotonic() - began
    expect(job["status"] == "completed", f"the job failed: {job.get('error_code')}")
    count = _count(installation, functions)
    functions.published(SAMPLE, id=event_id)
    time.sleep(3)  # it is delivered within one; what must not happen can only be waited for
    expect(_count(installation, functions) == count, "the same event twice made two jobs")
    return {"event to completed seen, from zero": f"{seconds:.1f} s", "the same event again": "no other job"}


def many_at_once(installation: Installation) -> Figures:
    """Ten submissions at once scale calculate out, and all complete."""
    functions = Functions(installation)
    functions.at_zero("calculate")
    most, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.3):
            most[0] = max(most[0], len(functions.running("calculate")))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        began = time.monotonic()
        if installation.database:
            with installation.database.locked():
                job_ids = functions.submitted(_SUBMISSIONS)
                until("calculate scaled out", lambda: most[0] > 1, 60)
        else:
            job_ids = functions.submitted(_SUBMISSIONS)
        jobs = functions.followed(job_ids)
        seconds = time.monotonic() - began
    finally:
        done.set()
        watcher.join()
    expect(all(job["status"] == "completed" for job in jobs), "a job failed")
    expect(most[0] > 1, "calculate never had more than one pod")
    return {"jobs completed": str(len(jobs)), "pods at most": str(most[0]), "all completed after": f"{seconds:.1f} s"}


def _listed_after(installation: Installation, functions: Functions, began: float) -> str:
    before = time.time() - (time.monotonic() - began)

    def newest() -> str | None:
        page = installation.caller.asks("GET", f"{functions.urls['list']}/api/distance/jobs?limit=1").json()
        if not page["jobs"]:
            return None
        queued = page["jobs"][0]["queued_at"]
        return page["jobs"][0]["job_id"] if queued >= time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(before)) else None

    return until("the event's job in the list", newest, 60) or ""


def _count(installation: Installation, functions: Functions) -> int:
    page = installation.caller.asks("GET", f"{functions.urls['list']}/api/distance/jobs?limit=1").json()
    return int(page["total_count"])


def _hello(image: str) -> list[Resource]:
    """The bare framework in the functions' image and gunicorn; a volume would make its pod slower than theirs."""
    start = "functions_framework:create_app('hello', '/dev/shm/hello.py')"
    container = {
        "image": image,
        "command": ["/bin/sh", "-ec"],
        "args": [f'printf %s "$HELLO" > /dev/shm/hello.py; exec python3 -m gunicorn -c gunicorn.conf.py "{start}"'],
        "env": [{"name": "HELLO", "value": _HELLO.read_text(encoding="utf-8")}],
        "readinessProbe": {"httpGet": {"path": "/"}},
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},  # as the functions: a share of a busy node
        "securityContext": restricted() | {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    annotations = {"autoscaling.knative.dev/window": "6s", "autoscaling.knative.dev/max-scale": "1"}
    spec = {"automountServiceAccountToken": False, "enableServiceLinks": False, "containers": [container]}
    template = {"metadata": {"annotations": annotations}, "spec": spec}
    return [
        {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {"name": "hello", "labels": {"networking.knative.dev/visibility": "cluster-local"}},
            "spec": {"template": template},
        }
    ]
