"""Overlays rendered with an image by its digest: what `kubectl apply -f` takes as it is."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

UNRELEASED = "dev.local/otel-worker"  # what knative/base makes of the image's name
_DIGEST = re.compile(r"(?P<name>[a-z0-9][a-z0-9./_:-]*)@(?P<digest>sha256:[0-9a-f]{64})")


class NotRendered(Exception):
    """An image that is not by digest, or an overlay that kustomize refuses or that names another image."""


def write(overlays: Path, image: str, folder: Path) -> Iterator[Path]:
    """Each overlay as `otel-worker-NAME.yaml` in `folder`, or NotRendered."""
    folder.mkdir(parents=True, exist_ok=True)
    for overlay in sorted(path.parent for path in overlays.glob("*/kustomization.yaml")):
        path = folder / f"otel-worker-{overlay.name}.yaml"
        path.write_text(rendered(overlay, image), encoding="utf-8")
        yield path


def rendered(overlay: Path, image: str) -> str:
    """The resources of `overlay` as YAML, with `image` (NAME@sha256:...) where the unreleased one was."""
    parts = _DIGEST.fullmatch(image)
    if parts is None:
        raise NotRendered(f"{image}: an image by its digest is expected, NAME@sha256:...")
    with tempfile.TemporaryDirectory() as name:
        outer = Path(name).resolve()
        inner = os.path.relpath(overlay.resolve(), outer)  # kustomize takes no absolute path
        (outer / "kustomization.yaml").write_text(
            f"resources: [{inner}]\n"
            f"images: [{{name: {UNRELEASED}, newName: '{parts['name']}', digest: '{parts['digest']}'}}]\n",
            encoding="utf-8",
        )
        kubectl = str(Path(sys.executable).parent / "kubectl")
        done = subprocess.run([kubectl, "kustomize", str(outer)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotRendered(f"{overlay}: {' '.join(done.stderr.split())}")
    if image not in done.stdout or UNRELEASED in done.stdout:
        raise NotRendered(f"{overlay}: its image is not {UNRELEASED}, and so not replaced everywhere")
    return done.stdout
