"""Kustomizations are rendered and checked by the command that users call."""

import json
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped] # it ships no types, and three calls need no stubs

from manifests.__main__ import FUNCTION_FILE, kustomizations, main
from manifests.checking import function_findings
from manifests.rendering import NotRendered, rendered
from manifests.samples import valid
from tests.contract.markdown import ROOT

TRIGGER = {
    "apiVersion": "eventing.knative.dev/v1",
    "kind": "Trigger",
    "metadata": {"name": "all"},
    "spec": {"broker": "default", "subscriber": {"uri": "http://a.example"}},
}


def kustomization(folder: Path, *manifests: object, **fields: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifests.yaml").write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    described = {"resources": ["manifests.yaml"] if manifests else [], **fields}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(described), encoding="utf-8")
    return folder


def test_a_resource_is_rendered_as_it_would_be_applied_and_knows_its_file(tmp_path: Path) -> None:
    folder = kustomization(tmp_path / "base", TRIGGER, namespace="worker")
    (found,) = rendered(folder)
    assert found.origin == str(folder.resolve() / "manifests.yaml")
    assert found.manifest == {**TRIGGER, "metadata": {"name": "all", "namespace": "worker"}}


def test_what_an_overlay_takes_from_its_base_knows_the_file_of_the_base(tmp_path: Path) -> None:
    base = kustomization(tmp_path / "base", TRIGGER)
    overlay = kustomization(tmp_path / "overlay", resources=["../base"], namePrefix="a-")
    (found,) = rendered(overlay)
    assert (found.name, found.origin) == ("a-all", str(base.resolve() / "manifests.yaml"))


def test_a_generated_resource_knows_the_kustomization_that_generates_it(tmp_path: Path) -> None:
    generated = [{"name": "settings", "literals": ["SINCE=2026-01-25"]}]
    folder = kustomization(tmp_path, configMapGenerator=generated)
    (found,) = rendered(folder)
    assert found.name.startswith("settings-")
    assert found.origin == str(folder.resolve() / "kustomization.yaml")
    assert found.manifest["data"] == {"SINCE": "2026-01-25"}


def test_a_date_without_quotes_is_the_text_that_kustomize_makes_of_it(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [settings.yaml]\n", encoding="utf-8")
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {SINCE: 2026-01-25}\n"
    (tmp_path / "settings.yaml").write_text(text, encoding="utf-8")
    assert rendered(tmp_path)[0].manifest["data"] == {"SINCE": "2026-01-25T00:00:00Z"}


@pytest.mark.parametrize("fields", [{"resources": ["nothing.yaml"]}, {"patches": [{"path": "nothing.yaml"}]}])
def test_what_kustomize_refuses_is_told_with_the_folder(tmp_path: Path, fields: dict[str, object]) -> None:
    folder = kustomization(tmp_path, **fields)
    with pytest.raises(NotRendered, match=rf"^{folder}: .*nothing\.yaml"):
        rendered(folder)


def test_a_folder_without_a_kustomization_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{tmp_path}: no kustomization.yaml is there\n"


def test_the_check_of_valid_manifests_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = kustomization(tmp_path, *(one.manifest for one in valid()))
    assert main(["check", str(folder)]) == 0
    assert capsys.readouterr() == ("", "")


def test_the_check_prints_a_line_for_each_finding_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = kustomization(tmp_path, TRIGGER)
    assert main(["check", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": Trigger/all: ")[2] for line in lines] == [
        "spec.broker: there is no Broker.eventing.knative.dev default in what is applied (reference-to-a-broker)"
    ]


def test_a_finding_in_one_of_several_kustomizations_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = kustomization(tmp_path / "broken", TRIGGER)
    other = kustomization(tmp_path / "other")
    assert main(["check", str(broken), str(other)]) == 1
    assert capsys.readouterr().out.endswith(f", only in {broken}\n")


def test_what_is_in_the_cluster_already_can_be_named(tmp_path: Path) -> None:
    folder = kustomization(tmp_path, TRIGGER)
    assert main(["check", "--given", "Broker.eventing.knative.dev/default", str(folder)]) == 0
    with pytest.raises(SystemExit):
        main(["check", "--given", "default", str(folder)])


def test_a_kind_without_a_schema_is_said_and_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    route = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "a"}}
    assert main(["check", str(kustomization(tmp_path, route))]) == 0
    assert "gateway.networking.k8s.io/v1 HTTPRoute" in capsys.readouterr().err


def test_a_kustomization_is_rendered_to_be_applied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(kustomization(tmp_path, TRIGGER))]) == 0
    assert list(yaml.safe_load_all(capsys.readouterr().out)) == [TRIGGER]


def test_components_are_not_rendered_by_themselves(tmp_path: Path) -> None:
    overlay = kustomization(tmp_path / "overlays" / "pi")
    kustomization(tmp_path / "components" / "pi", kind="Component")
    assert kustomizations(tmp_path) == [overlay]


def test_everything_under_knative_is_checked_by_default() -> None:
    assert ROOT / "knative" / "base" in kustomizations(ROOT / "knative")


def test_the_samples_are_printed_for_a_cluster_to_judge(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["samples"]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {sample["refused"] for sample in shown} == {True, False}
    assert all(sample["manifest"]["metadata"]["name"] for sample in shown)


def test_the_function_file_is_as_func_wants_it() -> None:
    assert function_findings(ROOT / FUNCTION_FILE) == []


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("builder: docker", "'docker' is not one of"),
        ("bilder: pack", "there is no such field"),
        ("specVersion: 36", "36 is no text"),
        ("created: null", "None"),
    ],
)
def test_a_broken_function_file_is_found(tmp_path: Path, broken: str, says: str) -> None:
    said = yaml.safe_load((ROOT / FUNCTION_FILE).read_text(encoding="utf-8"))
    said["created"] = "2026-11-24T00:00:00Z"
    name, _, value = broken.partition(": ")
    place = said.setdefault("build", {}) if name == "builder" else said
    place[name] = yaml.safe_load(value)
    path = tmp_path / "func.yaml"
    path.write_text(yaml.safe_dump(said), encoding="utf-8")
    assert says in " ".join(found.message for found in function_findings(path))
