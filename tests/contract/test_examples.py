"""The examples contain no secrets and match the manifests and the code."""

import copy
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml  # type: ignore[import-untyped] # PyYAML has no type information

from local.options import TARGETS
from shared.config.settings import SETTING_NAMES, read
from tests.contract.markdown import ROOT, blocks
from tests.contract.test_manifests import OWN_OVERLAY
from tools.manifests.__main__ import find_errors
from tools.manifests.rendering import render

EXAMPLES = ROOT / "knative" / "examples"
PLACEHOLDER = ["REPLACE ME"]
FILLED = {
    "DATABASE_URL": "postgresql://reader@db/owntracks",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "key",
}


def loaded(path: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((EXAMPLES / path).read_text(encoding="utf-8")))


def rendered(folder: Path) -> list[dict[str, Any]]:
    return [resource.manifest for resource in render(folder)]


def of_kind(resources: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {resource["metadata"]["name"]: resource for resource in resources if resource["kind"] == kind}


def functions(resources: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return of_kind([r for r in resources if r["apiVersion"].startswith("serving.knative.dev/")], "Service")


@pytest.fixture(scope="module")
def cluster() -> list[dict[str, Any]]:
    return rendered(EXAMPLES / "my-cluster")


SECRETS = of_kind(loaded("sops/secrets.example.yaml"), "Secret")
(APPLICATION,) = loaded("argo-cd/application.yaml")
(SETTINGS,) = loaded("otel-demo/settings.yaml")


def secrets_named(node: object) -> Iterator[tuple[str, str | None]]:
    """Yield each Secret that a manifest references, with the key or None for all keys."""
    if isinstance(node, dict):
        for field in ("secretRef", "secretKeyRef", "secret"):
            if isinstance(reference := node.get(field), dict) and "name" in reference:
                keys = (
                    [reference["key"]] if "key" in reference else [item["key"] for item in reference.get("items", [])]
                )
                yield from ((reference["name"], key) for key in keys or [None])
        for child in node.values():
            yield from secrets_named(child)
    elif isinstance(node, list):
        for child in node:
            yield from secrets_named(child)


def test_the_template_has_the_secrets_that_the_manifests_reference(cluster: list[dict[str, Any]]) -> None:
    named = set(secrets_named(cluster))
    assert {name for name, _ in named} == set(SECRETS)
    assert all(key is None or key in SECRETS[name]["stringData"] for name, key in named)
    assert {secret["metadata"]["namespace"] for secret in SECRETS.values()} == {"otel-worker"}


@pytest.mark.parametrize("target", list(TARGETS))
def test_a_function_starts_with_its_secret_and_settings(target: str, cluster: list[dict[str, Any]]) -> None:
    (container,) = functions(cluster)[f"distance-{target}"]["spec"]["template"]["spec"]["containers"]
    (name,) = (source["configMapRef"]["name"] for source in container["envFrom"] if "configMapRef" in source)
    config = of_kind(cluster, "ConfigMap")[name]
    secret = {name: FILLED[name] for name in SECRETS.get(f"distance-{target}", {}).get("stringData", {})}
    assert set(config["data"]) | set(secret) <= set(SETTING_NAMES)
    settings = read({**config["data"], **secret, "K_SINK": "http://broker"}, target)
    assert settings.DAY_TIMEZONE == "Europe/Berlin"


@pytest.mark.parametrize("secret", SECRETS.values(), ids=list(SECRETS))
def test_a_secret_with_placeholders_is_invalid(secret: dict[str, Any]) -> None:
    assert all(text == PLACEHOLDER for text in secret["stringData"].values())
    filled = copy.deepcopy(secret)
    for left in secret["stringData"]:
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(filled, "1.35", strict=True)
        filled["stringData"][left] = FILLED[left]
    kubernetes_validate.validate(filled, "1.35", strict=True)


def test_the_sealed_secret_has_the_keys_of_a_secret_and_no_values() -> None:
    (sealed,) = loaded("sealed-secrets/sealed-secret.example.yaml")
    secret = SECRETS[sealed["metadata"]["name"]]
    assert sealed["spec"]["encryptedData"] == secret["stringData"]
    assert sealed["metadata"]["namespace"] == secret["metadata"]["namespace"]


def test_sops_encrypts_only_the_values_of_the_secrets_file() -> None:
    (rule,) = loaded("sops/.sops.yaml")[0]["creation_rules"]
    assert re.search(rule["path_regex"], "clusters/home/secrets.yaml")
    assert not re.search(rule["path_regex"], "secrets.example.yaml")
    encrypted = {name for name in next(iter(SECRETS.values())) if re.search(rule["encrypted_regex"], name)}
    assert encrypted == {"stringData"}
    assert rule["age"] in PLACEHOLDER
    assert loaded("sops/secret-generator.yaml")[0]["files"] == ["secrets.yaml"]


def test_the_overlay_uses_the_image_by_digest_everywhere(cluster: list[dict[str, Any]]) -> None:
    images = set(re.findall(r"otel-worker[@:][\w:.-]+", str(cluster)))
    assert images == {f"otel-worker@sha256:{64 * '0'}"}


def test_argo_cd_follows_an_existing_overlay(cluster: list[dict[str, Any]]) -> None:
    spec = APPLICATION["spec"]
    assert (ROOT / spec["source"]["path"] / "kustomization.yaml").exists()
    assert {resource["metadata"].get("namespace") for resource in cluster} == {spec["destination"]["namespace"], None}
    assert spec["syncPolicy"]["automated"] == {"prune": True, "selfHeal": True}
    assert {"CreateNamespace=true", "ServerSideApply=true", "PruneLast=true"} == set(spec["syncPolicy"]["syncOptions"])


def test_argo_cd_ignores_no_field_of_the_overlay(cluster: list[dict[str, Any]]) -> None:
    for ignored in APPLICATION["spec"]["ignoreDifferences"]:
        matches = [
            resource
            for resource in cluster
            if resource["kind"] == ignored["kind"] and resource["apiVersion"].split("/")[0] == ignored["group"]
        ]
        assert matches, ignored["kind"]
        for pointer in ignored["jsonPointers"]:
            if not pointer.endswith("broker.class"):  # a component may set it
                assert [at(resource, pointer) for resource in matches] == [None] * len(matches), pointer


def at(node: Any, pointer: str) -> Any:
    """Return the value at a JSON pointer, or None."""
    for part in pointer.split("/")[1:]:
        node = node.get(part.replace("~1", "/")) if isinstance(node, dict) else None
    return node


def test_argo_cd_ignores_the_variables_of_sink_bindings() -> None:
    (service,) = (
        entry for entry in APPLICATION["spec"]["ignoreDifferences"] if entry["group"] == "serving.knative.dev"
    )
    injected = set(re.findall(r'"(K_\w+)"', " ".join(service["jqPathExpressions"])))
    assert injected == {name for name in SETTING_NAMES if name.startswith("K_")}


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Render the component with an otel-demo that has its own ConfigMap."""
    folder = tmp_path_factory.mktemp("otel-demo").resolve()
    (folder / "own.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: otel-demo\ndata:\n  A: b\n")
    (folder / "component").mkdir()
    for path in (EXAMPLES / "otel-demo").iterdir():
        (folder / "component" / path.name).write_bytes(path.read_bytes())
    (folder / "kustomization.yaml").write_text("namespace: otel-demo\nresources: [own.yaml]\ncomponents: [component]\n")
    return rendered(folder)


def test_settings_are_added_to_the_config_map_of_the_caller(caller: list[dict[str, Any]]) -> None:
    (config,) = of_kind(caller, "ConfigMap").values()
    assert config["data"] == {"A": "b", **SETTINGS["data"]}
    assert all(isinstance(text, str) for text in config["data"].values())


def test_the_endpoints_of_the_caller_are_existing_services(cluster: list[dict[str, Any]]) -> None:
    endpoints = {urlsplit(url).hostname for name, url in SETTINGS["data"].items() if name.endswith("_ENDPOINT")}
    hosts = {
        f"{name}.{service['metadata']['namespace']}.svc.cluster.local" for name, service in functions(cluster).items()
    }
    assert endpoints == {host for host in hosts if not host.startswith(("distance-calculate.", "distance-web."))}


def test_the_caller_may_connect_only_to_knative_and_the_storage(
    caller: list[dict[str, Any]], cluster: list[dict[str, Any]]
) -> None:
    (policy,) = of_kind(caller, "NetworkPolicy").values()
    kubernetes_validate.validate(policy, "1.35", strict=True)
    (_, knative, storage) = policy["spec"]["egress"]
    assert knative["to"] == of_kind(cluster, "NetworkPolicy")["smoke-test"]["spec"]["egress"][0]["to"]
    (minio,) = of_kind(cluster, "StatefulSet").values()
    assert storage["to"][0]["podSelector"]["matchLabels"] == minio["spec"]["selector"]["matchLabels"]
    (port,) = minio["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert storage["ports"] == [{"port": port["containerPort"]}]


def test_the_copy_that_the_deployment_guide_makes_and_applies_is_valid(tmp_path: Path) -> None:
    guides = [(ROOT / "docs" / "guides" / f"{name}.md").read_text(encoding="utf-8") for name in ("deploy", "operate")]
    ((source, copied),) = re.findall(r"^cp -r (\S+) (\S+)$", guides[0], re.MULTILINE)
    used = re.findall(
        r"^(?:kubectl (?:apply|delete) -k |make manifests OPTIONS=)(\S+)", "\n".join(guides), re.MULTILINE
    )
    for folder in ("knative/base", "knative/components", source):
        shutil.copytree(ROOT / folder, tmp_path / folder)

    shutil.copytree(tmp_path / source, tmp_path / copied)

    assert find_errors(render(tmp_path / copied)) == []
    assert set(used) == {copied}
    assert Path(copied).name == OWN_OVERLAY
    assert f"{copied}/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_the_patches_for_another_storage_create_buckets_only_and_open_its_port(tmp_path: Path) -> None:
    for folder in ("base", "components/in-memory"):
        shutil.copytree(ROOT / "knative" / folder, tmp_path / folder)
    (patches,) = blocks("docs/guides/deploy.md", "yaml", "### Use another object storage")
    overlay = tmp_path / "overlays" / "own"
    overlay.mkdir(parents=True)
    (overlay / "kustomization.yaml").write_text(
        f"resources: [../../base]\ncomponents: [../../components/in-memory]\n{patches}", encoding="utf-8"
    )

    resources = render(overlay)

    assert find_errors(resources) == []
    job = of_kind([resource.manifest for resource in resources], "Job")["distance-buckets"]
    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["buckets"]
    policy = of_kind([resource.manifest for resource in resources], "NetworkPolicy")["storage"]
    assert {"port": 8333} in policy["spec"]["egress"][0]["ports"]
