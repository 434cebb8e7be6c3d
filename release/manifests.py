"""Overlays rendered with an image by its digest: what `kubectl apply -f` takes as it is."""

import re
from collections.abc import Iterator
from pathlib import Path

from manifests.rendering import RenderError, render_overlay

UNRELEASED = "dev.local/otel-worker"  # what knative/base makes of the image's name
_DIGEST = re.compile(r"(?P<name>[a-z0-9][a-z0-9./_:-]*)@(?P<digest>sha256:[0-9a-f]{64})")


def write(overlays: Path, image: str, folder: Path) -> Iterator[Path]:
    """Each overlay as `otel-worker-NAME.yaml` in `folder`, or RenderError."""
    folder.mkdir(parents=True, exist_ok=True)
    for overlay in sorted(path.parent for path in overlays.glob("*/kustomization.yaml")):
        path = folder / f"otel-worker-{overlay.name}.yaml"
        path.write_text(rendered(overlay, image), encoding="utf-8")
        yield path


def rendered(overlay: Path, image: str) -> str:
    """The resources of `overlay` as YAML, with `image` (NAME@sha256:...) where the unreleased one was."""
    parts = _DIGEST.fullmatch(image)
    if parts is None:
        raise RenderError(f"{image}: an image by its digest is expected, NAME@sha256:...")
    text = render_overlay(overlay, images=[{"name": UNRELEASED, "newName": parts["name"], "digest": parts["digest"]}])
    if image not in text or UNRELEASED in text:
        raise RenderError(f"{overlay}: its image is not {UNRELEASED}, and so not replaced everywhere")
    return text
