"""Make strict JSON schemas from Knative's CRDs: README.md names the releases.

The schemas keep names, types and bounds. They leave out descriptions, defaults and statuses. A field that the CRD does
not know is an error, unless the CRD preserves unknown fields.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.manifests.rendering import load_documents

Schema = dict[str, Any]

SCHEMAS = Path(__file__).with_name("schemas")
FUNCTION_SCHEMA = "func"
KINDS = (  # those under knative/; a test compares them
    "Broker.v1.eventing.knative.dev",
    "DomainMapping.v1beta1.serving.knative.dev",
    "PingSource.v1.sources.knative.dev",
    "RabbitmqBrokerConfig.v1alpha1.eventing.knative.dev",
    "Service.v1.serving.knative.dev",
    "SinkBinding.v1.sources.knative.dev",
    "Trigger.v1.eventing.knative.dev",
)
_KEYWORDS = ("pattern", "enum", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "required")
_TEXT: Schema = {"type": "string"}
# Fields of Eventing's DeliverySpec that its CRDs omit. They preserve unknown fields, but the API rejects all others.
_DELIVERY = {"format": _TEXT, "retryAfterMax": _TEXT, "timeout": _TEXT}


def write_schemas(source: Path, target: Path) -> list[Path]:
    """Write the schemas of KINDS and of func.yaml from the files under `source`. Return the files written."""
    schemas: dict[str, Schema] = {}
    for path in sorted(source.rglob("*.yaml")):
        for document in load_documents(path.read_text(encoding="utf-8")):
            if document.get("kind") == "CustomResourceDefinition":
                schemas |= schemas_of(document)
    for path in sorted(source.rglob("func_yaml-schema*.json")):
        schemas[FUNCTION_SCHEMA] = _without_descriptions(json.loads(path.read_text(encoding="utf-8")))
    return [_write(target / f"{name}.json", schemas[name]) for name in (*KINDS, FUNCTION_SCHEMA) if name in schemas]


def _write(path: Path, schema: Schema) -> Path:
    path.write_text(json.dumps(schema, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")
    return path


def schema_name(kind: str, api_version: str) -> str:
    """Return the name of a schema's file without its extension: `Service.v1.serving.knative.dev`."""
    group, _, version = api_version.rpartition("/")
    return f"{kind}.{version}.{group}"


def schemas_of(crd: dict[str, Any]) -> Iterator[tuple[str, Schema]]:
    """Yield the name and the schema of each served version of a CRD."""
    group, kind = crd["spec"]["group"], crd["spec"]["names"]["kind"]
    for version in crd["spec"]["versions"]:
        if version["served"]:
            schema = _strict(version["schema"]["openAPIV3Schema"], f"{group}/{kind}")
            schema["properties"] |= {"apiVersion": _TEXT, "kind": _TEXT, "metadata": {"type": "object"}}
            schema["properties"].pop("status", None)
            schema["required"] = sorted({*schema.get("required", ()), "apiVersion", "kind", "metadata"})
            yield schema_name(kind, f"{group}/{version['name']}"), schema


def _strict(node: dict[str, Any], path: str) -> Schema:
    """Return the schema of the node at `path` in a CRD."""
    if node.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"], **{key: node[key] for key in _KEYWORDS if key in node}}
    schema: Schema = {key: node[key] for key in ("type", *_KEYWORDS) if key in node}
    if node.get("nullable"):
        schema["type"] = [schema["type"], "null"]
    if "items" in node:
        schema["items"] = _strict(node["items"], f"{path}/")
    if isinstance(node.get("additionalProperties"), dict):
        schema["additionalProperties"] = _strict(node["additionalProperties"], f"{path}/")
    elif node.get("type") == "object":
        schema |= _properties(node, path)
    return schema


def _properties(node: dict[str, Any], path: str) -> Schema:
    properties = {name: _strict(child, f"{path}/{name}") for name, child in node.get("properties", {}).items()}
    is_delivery = path.endswith("/delivery") and bool(properties)
    if is_delivery:
        properties = _DELIVERY | properties
    is_strict = is_delivery or path == "eventing.knative.dev/Trigger/spec"
    is_open = node.get("x-kubernetes-preserve-unknown-fields") and not is_strict
    return ({"properties": properties} if properties else {}) | ({} if is_open else {"additionalProperties": False})


def _without_descriptions(node: Any) -> Any:
    """Remove `description` and `$schema`, but keep properties of that name."""
    if isinstance(node, dict):
        return {
            key: _without_descriptions(child)
            for key, child in node.items()
            if not (key == "description" and isinstance(child, str)) and key != "$schema"
        }
    return [_without_descriptions(child) for child in node] if isinstance(node, list) else node
