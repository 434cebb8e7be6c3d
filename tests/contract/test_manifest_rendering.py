"""Kustomizations are rendered and checked by the command that users run."""

from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped] # PyYAML has no type information

from tests.contract.markdown import ROOT
from tools.manifests.__main__ import FUNCTION_FILE, main
from tools.manifests.rendering import RenderError, find_kustomizations, render
from tools.manifests.schemas import validate_function

SUBSCRIBER = {"uri": "http://a.example"}
TRIGGER = {
    "apiVersion": "eventing.knative.dev/v1",
    "kind": "Trigger",
    "metadata": {"name": "all"},
    "spec": {"broker": "default", "subscriber": SUBSCRIBER},
}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"a": "b"}}


def kustomization(folder: Path, *manifests: object, **fields: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifests.yaml").write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    content = {"resources": ["manifests.yaml"] if manifests else [], **fields}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


def test_render_returns_the_resource_and_its_file(tmp_path: Path) -> None:
    folder = kustomization(tmp_path / "base", TRIGGER, namespace="worker")
    (resource,) = render(folder)
    assert resource.origin == str(folder.resolve() / "manifests.yaml")
    assert resource.manifest == {**TRIGGER, "metadata": {"name": "all", "namespace": "worker"}}


def test_a_resource_of_a_base_keeps_the_file_of_the_base(tmp_path: Path) -> None:
    base = kustomization(tmp_path / "base", TRIGGER)
    overlay = kustomization(tmp_path / "overlay", resources=["../base"], namePrefix="a-")
    (resource,) = render(overlay)
    assert (resource.name, resource.origin) == ("a-all", str(base.resolve() / "manifests.yaml"))


def test_a_generated_resource_has_the_kustomization_as_its_file(tmp_path: Path) -> None:
    generated = [{"name": "settings", "literals": ["SINCE=2026-01-25"]}]
    folder = kustomization(tmp_path, configMapGenerator=generated)
    (resource,) = render(folder)
    assert resource.name.startswith("settings-")
    assert resource.origin == str(folder.resolve() / "kustomization.yaml")
    assert resource.manifest["data"] == {"SINCE": "2026-01-25"}


def test_an_unquoted_date_is_a_string(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [settings.yaml]\n", encoding="utf-8")
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {SINCE: 2026-01-25}\n"
    (tmp_path / "settings.yaml").write_text(text, encoding="utf-8")
    assert render(tmp_path)[0].manifest["data"] == {"SINCE": "2026-01-25T00:00:00Z"}


@pytest.mark.parametrize("fields", [{"resources": ["nothing.yaml"]}, {"patches": [{"path": "nothing.yaml"}]}])
def test_a_render_error_names_the_folder_and_the_cause(tmp_path: Path, fields: dict[str, object]) -> None:
    folder = kustomization(tmp_path, **fields)
    with pytest.raises(RenderError, match=rf"^{folder}: .*nothing\.yaml"):
        render(folder)


def test_a_folder_without_a_kustomization_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{tmp_path}: no kustomization.yaml\n"


def test_check_of_valid_manifests_prints_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(kustomization(tmp_path, SECRET))]) == 0
    assert capsys.readouterr() == ("", "")


def test_check_prints_a_line_for_each_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = kustomization(tmp_path, TRIGGER)
    assert main(["check", str(folder)]) == 1
    expected = f"{folder}/manifests.yaml: Trigger/all: spec.broker: there is no Broker.eventing.knative.dev default\n"
    assert capsys.readouterr() == (expected, "")


def test_an_error_of_one_of_several_kustomizations_names_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = kustomization(tmp_path / "broken", TRIGGER)
    other = kustomization(tmp_path / "other")
    assert main(["check", str(broken), str(other)]) == 1
    assert capsys.readouterr().out.endswith(f" (only in {broken})\n")


def test_existing_resources_may_be_referenced(tmp_path: Path) -> None:
    folder = kustomization(tmp_path, TRIGGER)
    assert main(["check", "--existing", "Broker.eventing.knative.dev/default", str(folder)]) == 0
    with pytest.raises(SystemExit):
        main(["check", "--existing", "default", str(folder)])


def test_a_kind_without_a_schema_is_reported_and_accepted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    route = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "a"}}
    custom = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}}
    assert main(["check", str(kustomization(tmp_path, route, custom))]) == 0
    unchecked = "no schema, not validated: example.com/v1 Thing, gateway.networking.k8s.io/v1 HTTPRoute\n"
    assert capsys.readouterr() == ("", unchecked)


@pytest.mark.parametrize(
    ("manifest", "error"),
    [
        ({**TRIGGER, "apiVersion": "eventing.knative.dev/v9"}, "eventing.knative.dev/v9 has no kind Trigger"),
        ({**SECRET, "apiVersion": "v9"}, "v9 has no kind Secret (Kubernetes 1.34)"),
        ({**SECRET, "kind": "Secrets"}, "v1 has no kind Secrets (Kubernetes 1.34)"),
        ({**SECRET, "stringData": {"a": 12345}}, "stringData.a: invalid type"),
        (
            {**TRIGGER, "spec": {"broker": "a", "subscriber": SUBSCRIBER, "filters": 1}},
            "spec.filters: 1 is not of type",
        ),
        (
            {**TRIGGER, "spec": {"brokers": "a", "subscriber": SUBSCRIBER}},
            "spec: Additional properties are not allowed",
        ),
        ({**TRIGGER, "metadata": {"name": "a", "labels": {"a": 1}}}, "metadata.labels.a: 1 is not of type"),
    ],
)
def test_a_manifest_that_its_schema_rejects_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], manifest: object, error: str
) -> None:
    assert main(["check", str(kustomization(tmp_path, manifest))]) == 1
    assert f": {error}" in capsys.readouterr().out


def test_components_are_not_rendered_by_themselves(tmp_path: Path) -> None:
    overlay = kustomization(tmp_path / "overlays" / "pi")
    kustomization(tmp_path / "components" / "pi", kind="Component")
    assert find_kustomizations(tmp_path) == [overlay]


def test_func_yaml_conforms_to_its_schema() -> None:
    assert validate_function(ROOT / FUNCTION_FILE) == []


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ("builder: docker", "build.builder: 'docker' is not one of"),
        ("bilder: pack", "'bilder' was unexpected"),
        ("specVersion: 36", "specVersion: 36 is not of type 'string'"),
        ("created: null", "created: None is not of type 'string'"),
    ],
)
def test_a_func_yaml_that_its_schema_rejects_is_an_error(tmp_path: Path, broken: str, error: str) -> None:
    manifest = yaml.safe_load((ROOT / FUNCTION_FILE).read_text(encoding="utf-8"))
    manifest["created"] = "2026-11-24T00:00:00Z"
    name, _, value = broken.partition(": ")
    parent = manifest.setdefault("build", {}) if name == "builder" else manifest
    parent[name] = yaml.safe_load(value)
    path = tmp_path / "func.yaml"
    path.write_text(yaml.safe_dump(manifest), encoding="utf-8")
    assert error in " ".join(validate_function(path))
