"""`python -m tests.cluster`: installs otel-worker into the cluster of KUBECONFIG, and proves there what it promises."""

import os
import sys
import time
from collections.abc import Callable, Mapping
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
from tests.cluster.kubectl import Refused, TooSlow
from tests.cluster.report import Report
from tools.manifests.rendering import RenderError

PROOFS: dict[str, Callable[[Installation], dict[str, str]]] = {
    "a day becomes a CSV": end_to_end.day_to_csv,
    "the Jobs of the base": end_to_end.own_jobs,
    "applied again": end_to_end.applied_again,
    "cold starts": scaling.cold_starts,
    "an event from zero": scaling.event_from_zero,
    "ten jobs at once": scaling.many_at_once,
    "killed in mid-job": pod_termination.killed_in_mid_job,
    "stopped in mid-job": pod_termination.stopped_in_mid_job,
    "the sweep": recovery.swept,
    "dead letters": recovery.dead_letters,
    "deliveries": delivery.delivery_cases,
    "a bad revision": revisions.bad_revision,
    "traffic split": revisions.split_and_back,
    "telemetry": telemetry.told,
    "nightly": nightly.each_day_once,
    "who calls": isolation.who_calls,
    "visibility": isolation.visibility,
    "confinement": isolation.confinement,
}
_RESULTS = Path(".local") / "cluster-test.json"


def main(environ: Mapping[str, str]) -> int:
    """0 if everything was proven; the namespace is gone at the end unless KEEP says otherwise."""
    try:
        wanted = options.read(environ)
        installation = Installation(wanted)
        installation.begin()
    except (options.BadOption, RenderError, Refused, TooSlow) as exc:
        print(exc, file=sys.stderr)
        return 1
    report = Report()
    began = time.monotonic()
    try:
        report.prove(f"the overlay {wanted.overlay} installed", lambda: _installed(installation))
        if report.good:
            for title, proof in PROOFS.items():
                if not wanted.only or any(word in title for word in wanted.only):
                    report.prove(title, lambda proof=proof: proof(installation))  # type: ignore[misc] # mypy knows no defaults of lambdas
    finally:
        report.write(_RESULTS)
        _left(installation)
    proven = sum(proof.good for proof in report.proofs)
    print(f"{proven} of {len(report.proofs)} proven in {time.monotonic() - began:.0f} s; figures in {_RESULTS}")
    return 0 if report.good else 1


def _installed(installation: Installation) -> dict[str, str]:
    seconds = installation.install()
    return {"everything Ready after": f"{seconds:.0f} s", "resources": str(len(installation.rendered))}


def _left(installation: Installation) -> None:
    if installation.options.keep:
        print(f"left: the namespace {installation.options.namespace} (kubectl delete namespace removes it)")
        return
    installation.end()
    print("left: nothing in the cluster; images that its nodes have loaded stay")


if __name__ == "__main__":
    sys.exit(main(os.environ))
