"""Validate resources against the JSON schemas of their kinds.

Knative's kinds and func.yaml have their schemas in schemas/, Kubernetes' own kinds in the package kubernetes-validate.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import kubernetes_validate
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from tools.manifests.crds import FUNCTION_SCHEMA, SCHEMAS, schema_name
from tools.manifests.rendering import load_documents
from tools.manifests.resources import Resource

KUBERNETES_VERSION = "1.34"  # the oldest version that Knative 1.23 supports


@cache
def _validator(name: str) -> Draft202012Validator | None:
    path = SCHEMAS / f"{name}.json"
    return Draft202012Validator(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def has_schema(resource: Resource) -> bool:
    """Return whether the kind can be validated. Kinds of other operators have no schema here."""
    return _is_knative(resource) or (_is_kubernetes(resource) and not _is_extension(resource))


def _is_knative(resource: Resource) -> bool:
    """Return whether there is a schema for the kind in any version."""
    return any(SCHEMAS.glob(f"{resource.kind}.*.{resource.group}.json"))


def _is_kubernetes(resource: Resource) -> bool:
    return "." not in resource.group or resource.group.endswith(".k8s.io")


def _is_extension(resource: Resource) -> bool:
    """Return whether the kind is under k8s.io but not part of Kubernetes, as those of the Gateway API."""
    error = _kubernetes_error(json.dumps(resource.manifest))
    return "." in resource.group and isinstance(error, kubernetes_validate.SchemaNotFoundError)


def validate(resource: Resource) -> Iterator[str]:
    """Yield what the schema of the kind rejects. The values of Secrets are not repeated."""
    if _is_knative(resource):
        validator = _validator(schema_name(resource.kind, resource.api_version))
        if validator is None:
            yield f"{resource.api_version} has no kind {resource.kind}"
            return
        yield from map(_message, validator.iter_errors(resource.manifest))
        metadata = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": resource.manifest["metadata"]}
        yield from _validate_kubernetes(Resource(metadata))  # CRDs leave metadata open
    elif has_schema(resource):
        yield from _validate_kubernetes(resource)


def _validate_kubernetes(resource: Resource) -> Iterator[str]:
    error = _kubernetes_error(json.dumps(resource.manifest))
    if isinstance(error, kubernetes_validate.ValidationError):
        yield f"{_path(error)}: invalid {error.validator}" if resource.kind == "Secret" else _message(error)
    elif error:
        yield f"{resource.api_version} has no kind {resource.kind} (Kubernetes {KUBERNETES_VERSION})"


@cache
def _kubernetes_error(manifest: str) -> Exception | None:
    """Return why Kubernetes rejects a manifest in JSON. Cached, as overlays share most of their resources."""
    try:
        kubernetes_validate.validate(json.loads(manifest), KUBERNETES_VERSION, strict=True)
    except (kubernetes_validate.SchemaNotFoundError, kubernetes_validate.ValidationError) as exc:
        return cast("Exception", exc)
    return None


def _message(error: ValidationError) -> str:
    return f"{_path(error)}: {error.message}"


def _path(error: ValidationError) -> str:
    return error.json_path.removeprefix("$").removeprefix(".") or "manifest"


def validate_function(path: Path) -> list[str]:
    """Return what func's schema rejects in the func.yaml at `path`."""
    (manifest,) = load_documents(path.read_text(encoding="utf-8"))
    validator = cast("Draft202012Validator", _validator(FUNCTION_SCHEMA))
    return [f"{path}: {_message(error)}" for error in validator.iter_errors(cast("Any", manifest))]
