"""Each pod may open the connections that it needs and no others, in every overlay."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.markdown import ROOT
from tests.contract.test_manifests import OVERLAYS
from tools.manifests.references import pod_labels, selects
from tools.manifests.rendering import render
from tools.manifests.resources import NETWORK_POLICY, POD_KINDS, Resource

DNS, STORAGE, KNATIVE = {53}, {9000, 443}, {8080, 8081, 8012}
DATABASE, BROKER, COLLECTOR, RATE_LIMITS = {5432, 6432}, {8080}, {4318}, {6379}
OWN_EGRESS = {  # the ports of each pod in the base
    "distance-submit": DNS | STORAGE | COLLECTOR | BROKER,
    "distance-calculate": DNS | STORAGE | COLLECTOR | BROKER | DATABASE,
    "distance-status": DNS | STORAGE | COLLECTOR,
    "distance-list": DNS | STORAGE | COLLECTOR,
    "distance-web": DNS | COLLECTOR,
    "distance-buckets": DNS | STORAGE,
    "distance-smoke-test": DNS | STORAGE | KNATIVE,
}
ADDED_EGRESS: dict[str, dict[str, set[int]]] = {  # what the component of an overlay adds
    "access": dict.fromkeys(("distance-submit", "distance-status", "distance-list"), RATE_LIMITS),
    "minio": {"minio": set()},
    "nightly": {"distance-nightly": DNS | KNATIVE},
    "observability": {"otel-collector": DNS | COLLECTOR | {4317, 443}},
    "pi": {"minio": set()},
}


def policies_of(labels: dict[str, str], resources: list[Resource]) -> Iterator[dict[str, Any]]:
    """Yield the specification of every egress policy that selects a pod with these labels."""
    for resource in resources:
        spec = resource.manifest.get("spec", {})
        if (
            resource.qualified_kind == NETWORK_POLICY
            and "Egress" in spec["policyTypes"]
            and selects(spec["podSelector"], labels)
        ):
            yield spec


def egress_ports(specs: list[dict[str, Any]]) -> set[int]:
    """Return all ports that the policies allow. Every rule names its ports."""
    ports = [port for spec in specs for rule in spec.get("egress", []) for port in rule["ports"]]
    return {number for port in ports for number in range(port["port"], port.get("endPort", port["port"]) + 1)}


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda folder: folder.name)
def test_each_pod_has_only_the_egress_that_it_needs(overlay: Path) -> None:
    resources = render(overlay)
    expected = dict(OWN_EGRESS)
    for name, ports in ADDED_EGRESS.get(overlay.name, {}).items():
        expected[name] = expected.get(name, set()) | ports

    actual = {}
    for labels in (labels for one in resources if one.qualified_kind in POD_KINDS for labels in pod_labels(one)):
        specs = list(policies_of(labels, resources))
        assert specs, f"no policy restricts the egress of {labels}"
        actual[labels["app.kubernetes.io/name"]] = egress_ports(specs)

    assert actual == expected


def test_an_unknown_pod_of_the_installation_reaches_only_dns() -> None:
    labels = {"app.kubernetes.io/part-of": "otel-worker", "app.kubernetes.io/name": "another"}
    assert egress_ports(list(policies_of(labels, render(ROOT / "knative" / "base")))) == DNS
