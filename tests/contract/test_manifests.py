"""The manifests match the code, and every overlay keeps the properties of the base."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # PyYAML has no type information

from local.broker import app as broker
from local.options import STORAGE_TARGETS, TARGETS
from shared import events
from shared.config import settings
from shared.version import VERSION
from tests.contract.markdown import ROOT
from tests.contract.world import World
from tools.manifests.project import DRAIN_SECONDS
from tools.manifests.references import SECRETS, selects
from tools.manifests.rendering import render

FUNC_TIMEOUT_SECONDS = 300  # timeoutSeconds of a Service that func deploys; func.yaml cannot change it
PUBLISHED = ("access", "public")
OWN_OVERLAY = "my-cluster"  # the name of a copy of the example, which git ignores: docs/guides/deploy.md
OVERLAYS = sorted(
    path.parent
    for path in (ROOT / "knative" / "overlays").glob("*/kustomization.yaml")
    if path.parent.name != OWN_OVERLAY
)
COMPONENTS = sorted(path.parent for path in (ROOT / "knative" / "components").glob("*/kustomization.yaml"))


def manifests(folder: Path) -> list[dict[str, Any]]:
    return [resource.manifest for resource in render(folder)]


BASE = manifests(ROOT / "knative" / "base")
SERVICES = [manifest for manifest in BASE if manifest["apiVersion"] == "serving.knative.dev/v1"]
CALCULATE = next(service for service in SERVICES if service["metadata"]["name"] == "distance-calculate")
SERVICE_NAMES = [service["metadata"]["name"] for service in SERVICES]


def only(kind: str) -> dict[str, Any]:
    """Return the only manifest of this kind in the base."""
    (manifest,) = (manifest for manifest in BASE if manifest["kind"] == kind)
    return manifest


def pods(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the pod templates of manifests."""
    return [manifest["spec"]["template"] for manifest in resources if "template" in manifest.get("spec", {})]


def env(service: dict[str, Any]) -> dict[str, Any]:
    (container,) = service["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry.get("value") or entry["valueFrom"] for entry in container["env"]}


def seconds(duration: str) -> float:
    return float(duration.removeprefix("PT").removesuffix("S"))


def test_each_function_has_a_service_of_its_name() -> None:
    assert sorted(SERVICE_NAMES) == sorted([*(service._name for service in World().services), "distance-web"])
    assert sorted(SERVICE_NAMES) == sorted(f"distance-{target}" for target in TARGETS)


def test_only_publishers_are_bound_to_the_broker() -> None:
    bound = {manifest["spec"]["subject"]["name"] for manifest in BASE if manifest["kind"] == "SinkBinding"}
    assert bound == {"distance-submit", "distance-calculate"}


@pytest.mark.parametrize("service", SERVICES, ids=SERVICE_NAMES)
def test_a_service_scales_to_zero(service: dict[str, Any]) -> None:
    assert service["spec"]["template"]["metadata"]["annotations"]["autoscaling.knative.dev/min-scale"] == "0"


def test_a_pod_of_calculate_runs_one_job_at_a_time() -> None:
    assert CALCULATE["spec"]["template"]["spec"]["containerConcurrency"] == 1


def test_the_image_has_the_version_of_the_code() -> None:
    images = {container["image"] for pod in pods(BASE) for container in pod["spec"]["containers"]}
    assert images == {f"dev.local/otel-worker:{VERSION}"}


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda folder: folder.name)
def test_images_have_a_version_or_a_digest(overlay: Path) -> None:
    images = {container["image"] for pod in pods(manifests(overlay)) for container in pod["spec"]["containers"]}
    assert all(re.fullmatch(r".+(:[\w.-]*\d[\w.-]*|@sha256:[0-9a-f]{64})", image) for image in images), images


def test_the_trigger_delivers_like_the_local_broker() -> None:
    spec = only("Trigger")["spec"]
    local_trigger = broker.default_triggers("", None)[0]
    assert spec["filter"] == {"attributes": {"type": local_trigger.type}}
    assert local_trigger.type == events.REQUESTED
    delivery = spec["delivery"]
    assert (delivery["retry"], delivery["backoffPolicy"]) == (local_trigger.retry, local_trigger.backoff_policy)
    assert seconds(delivery["backoffDelay"]) == local_trigger.backoff_delay
    assert seconds(delivery["timeout"]) == local_trigger.timeout
    assert delivery["deadLetterSink"]["uri"] == local_trigger.dead_letter_sink


def test_events_for_calculate_have_a_route() -> None:
    calculate = next(service for service in World().services if service._name == "distance-calculate")
    routes = {path for method, path in calculate.router.routes() if method == "POST"}
    spec = only("Trigger")["spec"]
    assert {"/", spec["delivery"]["deadLetterSink"]["uri"], only("PingSource")["spec"]["sink"]["uri"]} == routes


def test_func_yaml_describes_calculate_like_the_base() -> None:
    described = yaml.safe_load((ROOT / "func.yaml").read_text(encoding="utf-8"))
    template = CALCULATE["spec"]["template"]
    scale, limits = described["deploy"]["options"]["scale"], described["deploy"]["options"]["resources"]["limits"]
    assert described["name"] == CALCULATE["metadata"]["name"]
    envs = described["run"]["envs"]
    named = {entry["name"]: entry["value"] for entry in envs if "name" in entry}
    assert int(named["GRACE_SECONDS"]) + DRAIN_SECONDS < FUNC_TIMEOUT_SECONDS
    assert named == env(CALCULATE) | {"GRACE_SECONDS": named["GRACE_SECONDS"]}
    assert [entry["value"] for entry in envs if "name" not in entry] == ["{{ secret:distance-calculate }}"]
    assert limits["concurrency"] == template["spec"]["containerConcurrency"]
    assert str(scale["min"]) == template["metadata"]["annotations"]["autoscaling.knative.dev/min-scale"]
    assert str(scale["max"]) == template["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"]
    assert "image" not in described


def test_every_component_has_an_overlay_of_its_name() -> None:
    assert {folder.name for folder in OVERLAYS} == {folder.name for folder in COMPONENTS}
    for overlay in OVERLAYS:
        content = yaml.safe_load((overlay / "kustomization.yaml").read_text(encoding="utf-8"))
        assert f"../../components/{overlay.name}" in content["components"]


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda folder: folder.name)
def test_an_overlay_uses_one_namespace(overlay: Path) -> None:
    resources = manifests(overlay)
    (namespace,) = (manifest["metadata"]["name"] for manifest in resources if manifest["kind"] == "Namespace")
    assert {manifest["metadata"]["namespace"] for manifest in resources if manifest["kind"] != "Namespace"} == {
        namespace
    }


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda folder: folder.name)
def test_pods_run_unprivileged_with_a_read_only_root_and_no_token(overlay: Path) -> None:
    templates = pods(manifests(overlay))
    assert len(templates) >= len(SERVICES)
    for pod in templates:
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["enableServiceLinks"] is False
        for container in pod["spec"]["containers"]:
            security = pod["spec"].get("securityContext", {}) | container["securityContext"]
            assert security["runAsNonRoot"] is True
            assert security["readOnlyRootFilesystem"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]


def test_a_function_uses_only_its_own_secret_and_the_page_none() -> None:
    users = [f"distance-{target}" for target in STORAGE_TARGETS]
    for service in SERVICES:
        name = service["metadata"]["name"]
        (container,) = service["spec"]["template"]["spec"]["containers"]
        names = [entry["secretRef"]["name"] for entry in container["envFrom"] if "secretRef" in entry]
        assert names == ([name] if name in users else [])
        assert not [entry for entry in container["env"] if "valueFrom" in entry]
        assert service["spec"]["template"]["spec"]["serviceAccountName"] == name
    assert set(users) < set(SECRETS)


def test_the_page_connects_to_the_collector_only() -> None:
    (page,) = (pod for pod in pods(BASE) if pod["metadata"]["labels"]["app.kubernetes.io/name"] == "distance-web")
    names = {
        policy["metadata"]["name"]
        for policy in BASE
        if policy["kind"] == "NetworkPolicy" and selects(policy["spec"]["podSelector"], page["metadata"]["labels"])
    }
    assert names == {"nothing-else", "requests-by-knative", "names", "collector"}


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda folder: folder.name)
def test_overlays_contain_no_secrets_and_no_secret_settings(overlay: Path) -> None:
    resources = manifests(overlay)
    assert not [manifest for manifest in resources if manifest["kind"] == "Secret"]
    for data in (manifest["data"] for manifest in resources if manifest["metadata"]["name"].startswith("otel-worker-")):
        assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL", "POSTGRES_PASSWORD"} & set(data)


def test_changed_settings_rename_the_config_map_and_create_a_revision() -> None:
    def settings_of(folder: Path) -> tuple[str, str]:
        resources = manifests(folder)
        (config_map,) = (
            manifest for manifest in resources if manifest["kind"] == "ConfigMap" and "JOBS_BUCKET" in manifest["data"]
        )
        assert set(config_map["data"]) <= set(settings.SETTING_NAMES)
        (container,) = next(
            manifest for manifest in resources if manifest["kind"] == "Service" and "template" in manifest["spec"]
        )["spec"]["template"]["spec"]["containers"]
        (used,) = (entry["configMapRef"]["name"] for entry in container["envFrom"] if "configMapRef" in entry)
        return str(config_map["metadata"]["name"]), str(used)

    in_memory, minio = (settings_of(ROOT / "knative" / "overlays" / name) for name in ("in-memory", "minio"))
    assert in_memory[0] == in_memory[1]
    assert minio[0] == minio[1] != in_memory[0]


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda folder: folder.name)
def test_calculate_is_cluster_local_in_every_overlay(overlay: Path) -> None:
    services = {
        manifest["metadata"]["name"]: manifest["metadata"]["labels"].get("networking.knative.dev/visibility")
        for manifest in manifests(overlay)
        if manifest["apiVersion"] == "serving.knative.dev/v1"
    }
    assert services.pop("distance-calculate") == "cluster-local"
    assert set(services.values()) == ({None} if overlay.name in PUBLISHED else {"cluster-local"})


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda folder: folder.name)
def test_published_services_hide_health_details(overlay: Path) -> None:
    for manifest in manifests(overlay):
        if manifest["apiVersion"] == "serving.knative.dev/v1":
            published = "networking.knative.dev/visibility" not in manifest["metadata"]["labels"]
            assert env(manifest).get("HEALTH_DETAILS") == ("false" if published else None)


def test_api_keys_are_required_by_published_services_and_sent_by_their_callers() -> None:
    resources = manifests(ROOT / "knative" / "overlays" / "access")
    users = {
        manifest["metadata"]["name"] for manifest in resources if "'otel-worker-access'" in str(manifest.get("spec"))
    }
    assert users == {"distance-submit", "distance-status", "distance-list", "distance-smoke-test"}


def test_the_published_page_calls_the_published_api() -> None:
    resources = manifests(ROOT / "knative" / "overlays" / "public")
    hosts = {
        manifest["spec"]["ref"]["name"]: manifest["metadata"]["name"]
        for manifest in resources
        if manifest["kind"] == "DomainMapping"
    }
    (data,) = (m["data"] for m in resources if m["kind"] == "ConfigMap" and "JOBS_BUCKET" in m["data"])
    for target in ("submit", "status", "list"):
        assert data[f"{target.upper()}_URL"] == f"https://{hosts[f'distance-{target}']}"
    assert data["CORS_ORIGINS"] == f"https://{hosts['distance-web']}"
