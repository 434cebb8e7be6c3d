"""Scaling: cold starts compared with a function that does nothing, and concurrent jobs."""

import random
import statistics
import threading
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path

from tests.cluster.caller import container_security_context
from tests.cluster.checks import Figures
from tests.cluster.functions import SAMPLE, Functions, expect, expect_completed
from tests.cluster.installation import FUNCTIONS, Installation
from tests.cluster.kubectl import Resource, wait_until

_ROUNDS = 5
_JOB_ROUNDS = 9
_SUBMISSIONS = 10
_HELLO_SOURCE = Path(__file__).parents[3] / "benchmarks" / "hello.py"
_PATHS = {
    "submit": "/healthz",
    "status": "/api/distance/jobs/none",
    "list": "/api/distance/jobs",
    "calculate": "/healthz",
    "web": "/",
    "hello": "/",
}


def measure_cold_starts(installation: Installation) -> Figures:
    """Request every function from zero, one after another in each round. hello is the bare framework."""
    functions = Functions(installation)
    installation.kubectl.apply(_hello_service(installation.options.image))
    installation.wait_until_ready()
    urls = functions.urls | {"hello": installation.url("hello")}
    cold, warm = defaultdict(list), defaultdict(list)
    for number in range(_ROUNDS):
        _wait_for_zero(installation)
        order = sorted(urls, key=lambda name: (list(urls).index(name) + 2 * number) % len(urls))
        for name in order:  # rotated, because the last ones start while the first ones terminate
            url = urls[name]
            time.sleep(random.random())  # as in _wait_for_zero
            response = installation.caller.send("GET", url + _PATHS[name])
            expect(response.status in (200, 404), f"{response.status} from {name}: {response.body[:200]}")
            cold[name].append(response.seconds)
            warm[name].append(installation.caller.send("GET", url + _PATHS[name]).seconds)
    figures = _measure_jobs_from_zero(installation, functions)
    installation.kubectl.delete("ksvc", "hello")
    baseline = statistics.median(cold["hello"])
    for name in urls:
        seconds, milliseconds = statistics.median(cold[name]), statistics.median(warm[name]) * 1000
        figures[name] = f"{seconds:.2f} s from zero ({seconds / baseline:.1f} times hello), {milliseconds:.0f} ms warm"
    return figures


def _measure_jobs_from_zero(installation: Installation, functions: Functions) -> Figures:
    """Alternate between hello and a job, each while nothing runs. The job's status is polled ten times a second."""
    job = {"method": "GET", "url": functions.urls["status"] + "/api/distance/jobs/{job_id}"}
    polling = job | {"until": ["completed", "failed"], "every": 0.1, "within": 120}
    hello: list[float] = []
    times: list[tuple[float, ...]] = []
    for _ in range(_JOB_ROUNDS):
        _wait_for_zero(installation)
        hello.append(installation.caller.send("GET", installation.url("hello")).seconds)
        _wait_for_zero(installation)
        response = installation.caller.send_all([functions.submission_request() | {"then": polling}])[0]
        expect_completed(response.json())
        queued, started, completed = (
            datetime.fromisoformat(response.json()[name]) for name in ("queued_at", "started_at", "completed_at")
        )
        waiting, running = (started - queued).total_seconds(), (completed - started).total_seconds()
        times.append((response.elapsed, waiting, running))
    baseline = statistics.median(hello)
    seconds, waiting, running = map(statistics.median, zip(*times, strict=True))
    return {
        "job": f"{seconds:.2f} s from zero, from submission to completed ({seconds / baseline:.1f} times hello)",
        "of these": f"{waiting:.2f} s from queued to started, {running:.2f} s from started to completed",
        "hello in turn with them": f"{baseline:.2f} s from zero",
    }


def _wait_for_zero(installation: Installation) -> None:
    """Wait until nothing runs, and then up to a second at random.

    The kubelet publishes the address of a new pod once a second. Without the wait, all requests would meet the same
    phase of it.
    """
    services = ["hello", *(f"distance-{name}" for name in FUNCTIONS)]
    wait_until("all functions scaled to zero", lambda: not any(map(installation.running_pods, services)), 300)
    time.sleep(random.random())


def wake_by_event(installation: Installation) -> Figures:
    """Publish an event of another producer: it starts calculate, and a duplicate of it creates no second job."""
    functions = Functions(installation)
    functions.wait_for_zero("calculate")
    started = time.monotonic()
    event_id = functions.publish(SAMPLE)
    job_id = _wait_for_listed_job(installation, functions, started)
    [job] = functions.wait_for_jobs([job_id])
    seconds = time.monotonic() - started
    expect_completed(job)
    count = _count_jobs(installation, functions)
    functions.publish(SAMPLE, id=event_id)
    time.sleep(3)  # a duplicate would be delivered within a second
    expect(_count_jobs(installation, functions) == count, "a duplicate event created a second job")
    return {"event to completed, from zero": f"{seconds:.1f} s", "duplicate event": "no second job"}


def run_concurrent_jobs(installation: Installation) -> Figures:
    """Submit ten jobs concurrently: calculate scales out, and all jobs complete."""
    functions = Functions(installation)
    functions.wait_for_zero("calculate")
    max_pods, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.3):
            max_pods[0] = max(max_pods[0], len(functions.running_pods("calculate")))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        started = time.monotonic()
        if installation.database:
            with installation.database.lock_table():
                job_ids = functions.submit(_SUBMISSIONS)
                wait_until("calculate scaled out", lambda: max_pods[0] > 1, 60)
        else:
            job_ids = functions.submit(_SUBMISSIONS)
        jobs = functions.wait_for_jobs(job_ids)
        seconds = time.monotonic() - started
    finally:
        done.set()
        watcher.join()
    expect(all(job["status"] == "completed" for job in jobs), "a job failed")
    expect(max_pods[0] > 1, "calculate never had more than one pod")
    return {"jobs completed": str(len(jobs)), "max pods": str(max_pods[0]), "all completed after": f"{seconds:.1f} s"}


def _wait_for_listed_job(installation: Installation, functions: Functions, started: float) -> str:
    """Return the newest job that was queued after `started`, a time of the monotonic clock."""
    since = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - (time.monotonic() - started)))

    def newest() -> str | None:
        page = installation.caller.send("GET", f"{functions.urls['list']}/api/distance/jobs?limit=1").json()
        if not page["jobs"]:
            return None
        job = page["jobs"][0]
        return job["job_id"] if job["queued_at"] >= since else None

    return wait_until("the event's job in the list", newest, 60) or ""


def _count_jobs(installation: Installation, functions: Functions) -> int:
    page = installation.caller.send("GET", f"{functions.urls['list']}/api/distance/jobs?limit=1").json()
    return int(page["total_count"])


def _hello_service(image: str) -> list[Resource]:
    """Return a Service with the bare framework in the functions' image, without a volume, which would slow it down."""
    start = "functions_framework:create_app('hello', '/dev/shm/hello.py')"
    container = {
        "image": image,
        "command": ["/bin/sh", "-ec"],
        "args": [f'printf %s "$HELLO" > /dev/shm/hello.py; exec python3 -m gunicorn -c gunicorn.conf.py "{start}"'],
        "env": [{"name": "HELLO", "value": _HELLO_SOURCE.read_text(encoding="utf-8")}],
        "readinessProbe": {"httpGet": {"path": "/"}},
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},  # as the functions have
        "securityContext": container_security_context()
        | {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
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
