"""Install otel-worker into the cluster of KUBECONFIG and test it there (docs/contributing/cluster-tests.md)."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.cluster import options
from tests.cluster.checks import (
    delivery,
    end_to_end,
    isolation,
    nightly,
    pod_termination,
    recovery,
    revisions,
    scaling,
    telemetry,
)
from tests.cluster.installation import Installation
from tests.cluster.kubectl import KubectlError, WaitTimeout
from tests.cluster.report import Report
from tools.manifests.rendering import RenderError

CHECKS: dict[str, Callable[[Installation], dict[str, str]]] = {
    "end-to-end calculation": end_to_end.calculate_day,
    "Jobs of the base": end_to_end.run_base_jobs,
    "repeated apply": end_to_end.apply_again,
    "cold starts": scaling.measure_cold_starts,
    "event from zero": scaling.wake_by_event,
    "ten concurrent jobs": scaling.run_concurrent_jobs,
    "killed during a job": pod_termination.kill_during_job,
    "stopped during a job": pod_termination.stop_during_job,
    "sweep": recovery.recover_lost_event,
    "dead letters": recovery.handle_dead_letters,
    "event delivery": delivery.run_cases,
    "invalid revision": revisions.reject_invalid_revision,
    "traffic split": revisions.split_traffic,
    "telemetry": telemetry.trace_job,
    "nightly": nightly.submit_each_day_once,
    "authentication": isolation.check_authentication,
    "visibility": isolation.check_visibility,
    "confinement": isolation.check_confinement,
}
_RESULTS = Path(".local") / "cluster-test.json"


def main(environ: Mapping[str, str]) -> int:
    """Run the checks. Return 0 if all of them pass. Removes the namespace at the end unless KEEP is set."""
    try:
        settings = options.read(environ)
        installation = Installation(settings)
        installation.prepare()
    except (options.BadOption, RenderError, KubectlError, WaitTimeout) as exc:
        print(exc, file=sys.stderr)
        return 1
    report = Report()
    started = time.monotonic()
    try:
        report.run(f"installation of the overlay {settings.overlay}", partial(_install, installation))
        if report.passed:
            for title, check in CHECKS.items():
                if not settings.only or any(word in title for word in settings.only):
                    report.run(title, partial(check, installation))
    finally:
        report.write(_RESULTS)
        _clean_up(installation)
    passed = sum(result.passed for result in report.results)
    print(f"{passed} of {len(report.results)} passed in {time.monotonic() - started:.0f} s; figures in {_RESULTS}")
    return 0 if report.passed else 1


def _install(installation: Installation) -> dict[str, str]:
    seconds = installation.install()
    return {"all resources ready after": f"{seconds:.0f} s", "resources": str(len(installation.rendered))}


def _clean_up(installation: Installation) -> None:
    if installation.options.keep:
        print(f"kept: the namespace {installation.options.namespace} (kubectl delete namespace removes it)")
        return
    installation.remove()
    print("removed: the namespace; the nodes keep the images that they have loaded")


if __name__ == "__main__":
    sys.exit(main(os.environ))
