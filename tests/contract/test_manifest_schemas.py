"""Schemas made from CRDs are as strict as the CRDs let them be."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml  # type: ignore[import-untyped] # it ships no types, and three calls need no stubs

from manifests.__main__ import main
from manifests.crds import schemas_of
from manifests.structure import SCHEMAS

TEXT = {"type": "string", "description": "A sentence of somebody else."}


def crd(
    spec: dict[str, Any], *, group: str = "example.com", kind: str = "Thing", served: bool = True
) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": spec, "status": {"type": "object"}}}
    version = {"name": "v1", "served": served, "schema": {"openAPIV3Schema": schema}}
    return {
        "kind": "CustomResourceDefinition",
        "spec": {"group": group, "names": {"kind": kind}, "versions": [version]},
    }


def holds(spec: dict[str, Any], value: object, **known: str) -> bool:
    ((_, schema),) = schemas_of(crd(spec, **known))  # type: ignore[arg-type] # group and kind
    manifest = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {}, "spec": value}
    return jsonschema.Draft202012Validator(schema).is_valid(manifest)


def test_an_unknown_field_is_refused_unless_the_crd_keeps_it() -> None:
    spec = {"type": "object", "properties": {"a": TEXT}}
    assert holds(spec, {"a": "b"})
    assert not holds(spec, {"b": "b"})
    assert holds({**spec, "x-kubernetes-preserve-unknown-fields": True}, {"b": "b"})
    assert not holds({**spec, "x-kubernetes-preserve-unknown-fields": True}, {"a": 1})


def test_a_mapping_keeps_the_type_of_its_values() -> None:
    spec = {"type": "object", "additionalProperties": TEXT}
    assert holds(spec, {"any": "text"})
    assert not holds(spec, {"any": 1})


def test_an_amount_is_a_number_or_a_text() -> None:
    spec = {"anyOf": [{"type": "integer"}, TEXT], "x-kubernetes-int-or-string": True, "pattern": "^[0-9]+m?$"}
    assert holds(spec, 1)
    assert holds(spec, "100m")
    assert not holds(spec, "a lot")
    assert not holds(spec, 1.5)


def test_a_nullable_field_may_be_null() -> None:
    assert not holds(TEXT, None)
    assert holds({**TEXT, "nullable": True}, None)


def test_what_must_be_there_and_in_which_bounds_stays() -> None:
    spec = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer", "minimum": 1}}}
    assert not holds(spec, {})
    assert not holds(spec, {"a": 0})
    assert holds(spec, {"a": 1})


def test_a_delivery_is_closed_as_the_webhook_of_eventing_closes_it() -> None:
    delivery = {
        "type": "object",
        "properties": {"retry": {"type": "integer"}},
        "x-kubernetes-preserve-unknown-fields": True,
    }
    spec = {"type": "object", "properties": {"delivery": delivery}}
    assert holds(spec, {"delivery": {"retry": 1, "timeout": "PT1S"}})
    assert not holds(spec, {"delivery": {"retries": 1}})


def test_a_version_that_is_not_served_has_no_schema() -> None:
    assert list(schemas_of(crd(TEXT, served=False))) == []


def test_schemas_are_made_anew_from_a_folder_of_releases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release, into = tmp_path / "releases" / "serving", tmp_path / "schemas"
    release.mkdir(parents=True)
    into.mkdir()
    other = {"kind": "ConfigMap", "apiVersion": "v1"}
    (release / "crds.yaml").write_text(yaml.safe_dump_all([other, crd(TEXT)]), encoding="utf-8")
    function = {"description": "A sentence.", "properties": {"description": TEXT}}
    (release / "func_yaml-schema.json").write_text(json.dumps(function), encoding="utf-8")
    assert main(["schemas", str(tmp_path / "releases"), "--into", str(into)]) == 0
    assert capsys.readouterr().out.split() == [str(into / "Thing.v1.example.com.json"), str(into / "func.json")]
    assert json.loads((into / "func.json").read_text(encoding="utf-8")) == {
        "properties": {"description": {"type": "string"}}
    }


def test_a_folder_without_a_crd_is_an_error(tmp_path: Path) -> None:
    assert main(["schemas", str(tmp_path), "--into", str(tmp_path)]) == 1


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.stem)
def test_the_schemas_of_the_project_are_schemas_without_sentences(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert '"description": "' not in json.dumps(schema)
