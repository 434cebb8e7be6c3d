"""The shape of a resource: the schemas of Kubernetes' own kinds and of Knative's, and func.yaml's.

A Service of Knative is held against Kubernetes' Pod too, because its CRD leaves volumes and the like open.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import kubernetes_validate
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from manifests.crds import FUNCTION_SCHEMA, LIST_KEYS, schema_name
from manifests.resources import CONFIGURATION, KSERVICE, Field, Resource
from manifests.rules import Faults

KUBERNETES = "1.34"  # the oldest that Knative 1.23 runs on: what it knows, the newer ones know
SCHEMAS = Path(__file__).with_name("schemas")
_OF_A_REVISION = ("containerConcurrency", "timeoutSeconds", "responseStartTimeoutSeconds", "idleTimeoutSeconds")


def _distinct(_: Validator, keys: list[str], items: Any, __: Mapping[str, Any]) -> Iterator[ValidationError]:
    """A list that a cluster keeps as a map: two entries with the same key are refused."""
    seen = set()
    for index, item in enumerate(items if isinstance(items, list) else []):
        name = ", ".join(str(item.get(key)) for key in keys) if isinstance(item, dict) else str(index)
        if name in seen:
            yield ValidationError(f"{name} is there twice", path=(index,))
        seen.add(name)


_Structural = extend(Draft202012Validator, {LIST_KEYS: _distinct})  # type: ignore[no-untyped-call] # its stubs leave it so


@cache
def _structural(name: str) -> Validator | None:
    path = SCHEMAS / f"{name}.json"
    return _Structural(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


@cache
def _groups() -> frozenset[str]:
    """The groups whose kinds have a schema here: another kind or version of theirs is a slip."""
    return frozenset(path.stem.split(".", 2)[2] for path in SCHEMAS.glob("*.*.*.json"))


def shape_known(resource: Resource) -> bool:
    """Whether there is a schema for the kind, or should be one: those of others are taken as they are."""
    return resource.group in _groups() or (_is_kubernetes(resource.group) and not _is_extension(resource))


def _is_kubernetes(group: str) -> bool:
    return "." not in group or group.endswith(".k8s.io")


def _is_extension(resource: Resource) -> bool:
    """Kinds under k8s.io that a cluster has only when someone installs them, as the Gateway API."""
    error = _refusal(json.dumps(resource.manifest))
    return "." in resource.group and isinstance(error, kubernetes_validate.SchemaNotFoundError)


def misshapen(resource: Resource) -> Faults:
    """Where the resource is not as its kind's schema says."""
    root = resource.root
    if not (root["apiVersion"].text and root["kind"].text):
        yield root, "a manifest names its apiVersion and kind"
    elif resource.group in _groups():
        validator = _structural(schema_name(resource.kind, resource.api_version))
        if validator is None:
            yield root["kind"], f"{resource.api_version} has no kind {resource.kind}"
            return
        yield from _told(root, validator.iter_errors(resource.manifest))
        metadata = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": resource.manifest["metadata"]}
        yield from _kubernetes(root, metadata)
        if resource.qualified_kind in (KSERVICE, CONFIGURATION):
            yield from _as_pod(root["spec"]["template"])
    elif shape_known(resource):
        yield from _kubernetes(root, resource.manifest)


def _as_pod(template: Field) -> Faults:
    """What the CRD leaves open in a revision's template, as Kubernetes has it; the containers it knows itself."""
    spec = template["spec"].value
    if not isinstance(spec, dict):
        return
    pod = {name: value for name, value in spec.items() if name not in _OF_A_REVISION}
    pod["containers"] = [{"name": "user-container"}]
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"].value or {}, "spec": pod}
    yield from _kubernetes(template, manifest)


def _kubernetes(root: Field, manifest: dict[str, Any]) -> Faults:
    error = _refusal(json.dumps(manifest))
    if isinstance(error, kubernetes_validate.ValidationError):
        yield from _told(root, [error])
    elif error:
        yield root["kind"], f"{manifest['apiVersion']} has no kind {manifest['kind']} (Kubernetes {KUBERNETES})"


@cache
def _refusal(manifest: str) -> Exception | None:
    """Why Kubernetes refuses a manifest, given as JSON; overlays have most of theirs in common."""
    try:
        kubernetes_validate.validate(json.loads(manifest), KUBERNETES, strict=True)
    except (kubernetes_validate.SchemaNotFoundError, kubernetes_validate.ValidationError) as exc:
        return cast("Exception", exc)
    return None


def _told(root: Field, errors: Iterable[ValidationError]) -> Faults:
    for error in errors:
        place = root
        for key in error.absolute_path:
            place = place[key]
        unknown = _unknown(error)
        for name in unknown:
            yield place[name], "there is no such field"
        if not unknown:
            yield place, _words(error)


def _unknown(error: ValidationError) -> list[str]:
    """The fields that nobody knows, where that is what is wrong."""
    if error.validator != "additionalProperties" or error.validator_value is not False:
        return []
    known = cast("dict[str, Any]", error.schema).get("properties", {})
    return [name for name in cast("dict[str, Any]", error.instance) if name not in known]


def _words(error: ValidationError) -> str:
    if (
        error.instance is not None
        and error.validator == "type"
        and error.validator_value in ("string", ["string", "null"])
    ):
        return f"{json.dumps(error.instance)} is no text: quote it"
    return error.message


def function_faults(manifest: Any, origin: str) -> Faults:
    """Where a func.yaml is not as func's own schema says."""
    validator = _structural(FUNCTION_SCHEMA)
    if validator is not None:
        yield from _told(Resource(manifest, origin).root, validator.iter_errors(manifest))
