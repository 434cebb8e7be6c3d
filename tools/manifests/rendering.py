"""Render kustomizations with kubectl."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped] # PyYAML has no type information

from tools.manifests.resources import Resource

UNRELEASED_IMAGE = "dev.local/otel-worker"  # the image name in knative/base
_DIGEST = re.compile(r"(?P<name>[a-z0-9][a-z0-9./_:-]*)@(?P<digest>sha256:[0-9a-f]{64})")
_ORIGIN = "config.kubernetes.io/origin"
_TIMEOUT_SECONDS = 120  # includes the download of remote bases
_KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


class RenderError(Exception):
    """A folder without a kustomization, or a kustomization that kubectl rejects."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML has no type information
    """YAML as the API server reads it: dates are strings."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_documents(text: str) -> Iterator[Any]:
    """Yield the documents of a YAML text, without empty ones."""
    return (document for document in yaml.load_all(text, _Loader) if document)


def find_kustomizations(root: Path) -> list[Path]:
    """Return every folder under `root` that can be rendered by itself, which excludes components."""
    files = sorted(path for name in _KUSTOMIZATION_FILES for path in root.rglob(name))
    return [path.parent for path in files if not _is_component(path)]


def _is_component(file: Path) -> bool:
    return any(document.get("kind") == "Component" for document in load_documents(file.read_text(encoding="utf-8")))


def render(folder: Path) -> list[Resource]:
    """Render the kustomization in `folder`. Raise RenderError if that fails."""
    with tempfile.TemporaryDirectory() as name:
        wrapper = Path(name).resolve()
        text = _build(folder, wrapper, {"buildMetadata": ["originAnnotations"]})
        return [_resource(manifest, wrapper, folder) for manifest in load_documents(text)]


def render_overlay(folder: Path, components: Sequence[Path] = (), **fields: Any) -> str:
    """Render an overlay of `folder` with more `components` and kustomization `fields`, as YAML."""
    with tempfile.TemporaryDirectory() as name:
        wrapper = Path(name).resolve()
        return _build(folder, wrapper, {"components": [_relative(path, wrapper) for path in components], **fields})


def render_release(overlay: Path, image: str) -> str:
    """Render `overlay` with `image`, NAME@sha256:..., in place of the unreleased image, as YAML."""
    parts = _DIGEST.fullmatch(image)
    if parts is None:
        raise RenderError(f"{image} is not an image by digest, NAME@sha256:...")
    text = render_overlay(
        overlay, images=[{"name": UNRELEASED_IMAGE, "newName": parts["name"], "digest": parts["digest"]}]
    )
    if image not in text or UNRELEASED_IMAGE in text:
        raise RenderError(f"{overlay}: some images are not {UNRELEASED_IMAGE}, so the release cannot replace them")
    return text


def _relative(path: Path, wrapper: Path) -> str:
    return os.path.relpath(path.resolve(), wrapper)  # kustomize accepts no absolute paths


def _build(folder: Path, wrapper: Path, fields: Mapping[str, Any]) -> str:
    if not any((folder / name).is_file() for name in _KUSTOMIZATION_FILES):
        raise RenderError(f"{folder}: no kustomization.yaml")
    kustomization = {"resources": [_relative(folder, wrapper)], **fields}
    (wrapper / _KUSTOMIZATION_FILES[0]).write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    command = [find_kubectl(), "kustomize", str(wrapper)]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise RenderError(f"{folder}: kubectl kustomize timed out after {_TIMEOUT_SECONDS} s") from None
    if run.returncode:
        reason = " ".join(run.stderr.split()).removeprefix("error: ")
        raise RenderError(f"{folder}: {reason.replace(str(wrapper), '.')}")
    return run.stdout


def find_kubectl() -> str:
    """Return the kubectl of this virtual environment, or the one on the PATH."""
    path = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
    if not path:
        raise RenderError("kubectl is not installed; `make check` installs it")
    return path


def _resource(manifest: dict[str, Any], wrapper: Path, folder: Path) -> Resource:
    """Move the origin annotation from the manifest to the resource."""
    metadata = manifest["metadata"]
    origin = yaml.safe_load(metadata["annotations"].pop(_ORIGIN))
    if not metadata["annotations"]:
        del metadata["annotations"]
    if "repo" in origin:
        return Resource(manifest, f"{origin['repo']}/{origin.get('path', '')}")
    path = (wrapper / (origin.get("path") or origin.get("configuredIn") or folder.resolve())).resolve()
    current = Path.cwd().resolve()
    return Resource(manifest, str(path.relative_to(current) if path.is_relative_to(current) else path))
