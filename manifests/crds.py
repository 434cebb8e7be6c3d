"""Compact JSON schemas from CRDs: only what a manifest may hold, strictly. manifests/README.md says whence.

Kept are types, names and bounds; descriptions, defaults and statuses are not. A field that a CRD does not know is
refused, unless the CRD keeps unknown fields; where Eventing's do, its webhook refuses them after all, and so do these.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from manifests.rendering import documents

Schema = dict[str, Any]

_KEPT = ("pattern", "enum", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "required")
LIST_KEYS = "x-kubernetes-list-map-keys"
_PRESERVED = "x-kubernetes-preserve-unknown-fields"
_TEXT: Schema = {"type": "string"}
# What the webhook's type has and the CRD leaves out (eventing, pkg/apis/duck/v1/delivery_types.go).
_DELIVERY = {"format": _TEXT, "retryAfterMax": _TEXT, "timeout": _TEXT}
FUNCTION_SCHEMA = "func"


def write_schemas(source: Path, target: Path) -> list[Path]:
    """Write a schema for each kind and version of the CRDs in `source`, and func.yaml's; the files written."""
    written = []
    for path in sorted(source.rglob("*.yaml")):
        for crd in documents(path.read_text(encoding="utf-8")):
            if crd.get("kind") == "CustomResourceDefinition":
                written += [_written(target, name, schema) for name, schema in schemas_of(crd)]
    for path in sorted(source.rglob("func_yaml-schema*.json")):
        written.append(_written(target, FUNCTION_SCHEMA, _undescribed(json.loads(path.read_text(encoding="utf-8")))))
    return written


def schema_name(kind: str, api_version: str) -> str:
    """The file's name, without its ending: `Service.v1.serving.knative.dev`."""
    group, _, version = api_version.rpartition("/")
    return f"{kind}.{version}.{group}"


def schemas_of(crd: dict[str, Any]) -> Iterator[tuple[str, Schema]]:
    """The name and the schema of each version of `crd` that is served."""
    group, kind = crd["spec"]["group"], crd["spec"]["names"]["kind"]
    for version in crd["spec"]["versions"]:
        if not version["served"]:
            continue
        found = _strict(version["schema"]["openAPIV3Schema"], f"{group}/{kind}")
        found["properties"] |= {"apiVersion": _TEXT, "kind": _TEXT, "metadata": {"type": "object"}}
        found["properties"].pop("status", None)
        found["required"] = sorted({*found.get("required", ()), "apiVersion", "kind", "metadata"})
        yield schema_name(kind, f"{group}/{version['name']}"), found


def _strict(node: dict[str, Any], way: str) -> Schema:
    """The schema of one place of a CRD; `way` leads there."""
    if node.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"], **{key: node[key] for key in _KEPT if key in node}}
    made: Schema = {key: node[key] for key in ("type", *_KEPT, LIST_KEYS) if key in node}
    if node.get("nullable"):
        made["type"] = [made["type"], "null"]
    if "items" in node:
        made["items"] = _strict(node["items"], f"{way}/")
    if isinstance(node.get("additionalProperties"), dict):
        made["additionalProperties"] = _strict(node["additionalProperties"], f"{way}/")
    if node.get("type") == "object" and "additionalProperties" not in node:
        made |= _fields(node, way)
    return made


def _fields(node: dict[str, Any], way: str) -> Schema:
    fields = {name: _strict(child, f"{way}/{name}") for name, child in node.get("properties", {}).items()}
    delivery = way.endswith("/delivery") and bool(fields)
    if delivery:
        fields = _DELIVERY | fields
    decoded = delivery or way == "eventing.knative.dev/Trigger/spec"
    kept = node.get(_PRESERVED) and not decoded
    return ({"properties": fields} if fields else {}) | ({} if kept else {"additionalProperties": False})


def _undescribed(node: Any) -> Any:
    """A schema without its sentences; a property that is called description stays."""
    if isinstance(node, dict):
        return {
            key: _undescribed(child)
            for key, child in node.items()
            if not (key == "description" and isinstance(child, str)) and key != "$schema"
        }
    return [_undescribed(child) for child in node] if isinstance(node, list) else node


def _written(target: Path, name: str, schema: Schema) -> Path:
    path = target / f"{name}.json"
    path.write_text(json.dumps(schema, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")
    return path
