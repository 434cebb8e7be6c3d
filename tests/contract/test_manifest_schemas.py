"""The JSON schemas are as strict as the CRDs that they come from."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml  # type: ignore[import-untyped] # PyYAML has no type information

from tests.contract.markdown import ROOT
from tools.manifests.__main__ import main
from tools.manifests.crds import FUNCTION_SCHEMA, KINDS, SCHEMAS, schemas_of
from tools.manifests.rendering import find_kustomizations, render
from tools.manifests.schemas import has_schema

TEXT = {"type": "string", "description": "A sentence."}


def crd(
    spec: dict[str, Any], *, group: str = "example.com", kind: str = "Thing", served: bool = True
) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": spec, "status": {"type": "object"}}}
    version = {"name": "v1", "served": served, "schema": {"openAPIV3Schema": schema}}
    return {
        "kind": "CustomResourceDefinition",
        "spec": {"group": group, "names": {"kind": kind}, "versions": [version]},
    }


def accepts(spec: dict[str, Any], value: object, **known: str) -> bool:
    ((_, schema),) = schemas_of(crd(spec, **known))  # type: ignore[arg-type] # group and kind
    manifest = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {}, "spec": value}
    return jsonschema.Draft202012Validator(schema).is_valid(manifest)


def test_an_unknown_field_is_an_error_unless_the_crd_preserves_it() -> None:
    spec = {"type": "object", "properties": {"a": TEXT}}
    assert accepts(spec, {"a": "b"})
    assert not accepts(spec, {"b": "b"})
    assert accepts({**spec, "x-kubernetes-preserve-unknown-fields": True}, {"b": "b"})
    assert not accepts({**spec, "x-kubernetes-preserve-unknown-fields": True}, {"a": 1})


def test_a_mapping_keeps_the_type_of_its_values() -> None:
    spec = {"type": "object", "additionalProperties": TEXT}
    assert accepts(spec, {"any": "text"})
    assert not accepts(spec, {"any": 1})


def test_int_or_string_accepts_both() -> None:
    spec = {"anyOf": [{"type": "integer"}, TEXT], "x-kubernetes-int-or-string": True, "pattern": "^[0-9]+m?$"}
    assert accepts(spec, 1)
    assert accepts(spec, "100m")
    assert not accepts(spec, "a lot")
    assert not accepts(spec, 1.5)


def test_a_nullable_field_may_be_null() -> None:
    assert not accepts(TEXT, None)
    assert accepts({**TEXT, "nullable": True}, None)


def test_required_fields_and_bounds_are_kept() -> None:
    spec = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer", "minimum": 1}}}
    assert not accepts(spec, {})
    assert not accepts(spec, {"a": 0})
    assert accepts(spec, {"a": 1})


def test_a_delivery_accepts_only_the_fields_of_the_api() -> None:
    delivery = {
        "type": "object",
        "properties": {"retry": {"type": "integer"}},
        "x-kubernetes-preserve-unknown-fields": True,
    }
    spec = {"type": "object", "properties": {"delivery": delivery}}
    assert accepts(spec, {"delivery": {"retry": 1, "timeout": "PT1S"}})
    assert not accepts(spec, {"delivery": {"retries": 1}})


def test_a_version_that_is_not_served_has_no_schema() -> None:
    assert list(schemas_of(crd(TEXT, served=False))) == []


def test_schemas_are_generated_for_the_kinds_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release, into = tmp_path / "releases" / "eventing", tmp_path / "schemas"
    release.mkdir(parents=True)
    into.mkdir()
    other = {"kind": "ConfigMap", "apiVersion": "v1"}
    trigger = crd(TEXT, group="eventing.knative.dev", kind="Trigger")
    (release / "crds.yaml").write_text(yaml.safe_dump_all([other, crd(TEXT), trigger]), encoding="utf-8")
    function = {"description": "A sentence.", "properties": {"description": TEXT}}
    (release / "func_yaml-schema.json").write_text(json.dumps(function), encoding="utf-8")
    assert main(["schemas", str(tmp_path / "releases"), "--into", str(into)]) == 0
    written = [str(into / f"{name}.json") for name in ("Trigger.v1.eventing.knative.dev", "func")]
    assert capsys.readouterr().out.split() == written
    assert json.loads((into / "func.json").read_text(encoding="utf-8")) == {
        "properties": {"description": {"type": "string"}}
    }


def test_a_folder_without_a_crd_is_an_error(tmp_path: Path) -> None:
    assert main(["schemas", str(tmp_path), "--into", str(tmp_path)]) == 1


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.stem)
def test_a_schema_is_valid_and_has_no_descriptions(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert '"description": "' not in json.dumps(schema)


def test_there_is_a_schema_for_each_kind_in_use_and_no_other() -> None:
    resources = [resource for folder in find_kustomizations(ROOT / "knative") for resource in render(folder)]
    used = {f"{resource.kind}.{resource.api_version.rpartition('/')[2]}.{resource.group}" for resource in resources}
    assert {path.stem for path in SCHEMAS.iterdir()} == {*KINDS, FUNCTION_SCHEMA}
    assert set(KINDS) == {name for name in used if name.endswith(".knative.dev")}
    assert {resource.kind for resource in resources if not has_schema(resource)} == {"RabbitmqCluster"}
