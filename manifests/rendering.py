"""A kustomization rendered by kubectl, each resource with the file that it comes from."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped] # it ships no types, and three calls need no stubs

from manifests.resources import Resource

_ORIGIN = "config.kubernetes.io/origin"
_SECONDS = 120  # a remote base is fetched in that time or not at all
KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


class NotRendered(Exception):
    """A folder that is no kustomization, or one that kustomize refuses; the text says why."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # yaml ships no types
    """As a cluster reads YAML: a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def documents(text: str) -> Iterator[Any]:
    """The documents of a YAML text that hold something."""
    return (found for found in yaml.load_all(text, _Loader) if found)


def is_component(kustomization: Path) -> bool:
    """Whether a kustomization is a part of others, and can't be rendered by itself."""
    return any(found.get("kind") == "Component" for found in documents(kustomization.read_text(encoding="utf-8")))


def rendered(folder: Path) -> list[Resource]:
    """Every resource of the kustomization in `folder`, or NotRendered."""
    with tempfile.TemporaryDirectory() as name:
        outer = Path(name).resolve()
        text = _overlaid(folder, outer, {"buildMetadata": ["originAnnotations"]})
        return [_traced(manifest, outer, folder) for manifest in documents(text)]


def overlaid(folder: Path, components: Sequence[Path] = (), **fields: Any) -> str:
    """The kustomization in `folder` under one that has `components` and `fields`, as YAML; or NotRendered."""
    with tempfile.TemporaryDirectory() as name:
        outer = Path(name).resolve()
        return _overlaid(folder, outer, {"components": [_from(outer, path) for path in components], **fields})


def _from(outer: Path, path: Path) -> str:
    return os.path.relpath(path.resolve(), outer)  # kustomize takes no absolute path


def _overlaid(folder: Path, outer: Path, fields: Mapping[str, Any]) -> str:
    if not any((folder / name).is_file() for name in KUSTOMIZATION_FILES):
        raise NotRendered(f"{folder}: no kustomization.yaml is there")
    described = {"resources": [_from(outer, folder)], **fields}
    (outer / KUSTOMIZATION_FILES[0]).write_text(yaml.safe_dump(described), encoding="utf-8")
    asked = [kubectl(), "kustomize", str(outer)]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise NotRendered(f"{folder}: kustomize did not end within {_SECONDS} s") from None
    if done.returncode:
        said = " ".join(done.stderr.split()).removeprefix("error: ")
        raise NotRendered(f"{folder}: {said.replace(str(outer), '.')}")
    return done.stdout


def kubectl() -> str:
    """The kubectl beside this Python, or that of the PATH; NotRendered without one."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("kubectl", path=beside) or shutil.which("kubectl")
    if not found:
        raise NotRendered("kubectl is needed: `make check` installs it")
    return found


def _traced(manifest: dict[str, Any], outer: Path, folder: Path) -> Resource:
    """The resource as it would be applied, without the annotation that says where it comes from."""
    metadata = manifest["metadata"]
    annotations = metadata["annotations"]
    told = yaml.safe_load(annotations.pop(_ORIGIN))
    if not annotations:
        del metadata["annotations"]
    if "repo" in told:
        return Resource(manifest, f"{told['repo']}/{told.get('path', '')}")
    inside = told.get("path") or told.get("configuredIn") or str(folder.resolve())
    return Resource(manifest, _shown((outer / inside).resolve()))


def _shown(path: Path) -> str:
    here = Path.cwd().resolve()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def written(resources: list[Resource]) -> str:
    """Resources as one YAML text, to be applied."""
    return str(yaml.safe_dump_all([one.manifest for one in resources], allow_unicode=True, sort_keys=False))
