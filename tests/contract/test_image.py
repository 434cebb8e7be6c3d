"""The Containerfile passes its linter, can copy what it needs, and has the labels that the workflow sets."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped] # PyYAML has no type information

from tests.contract.markdown import ROOT
from tools import image

RECIPE = (ROOT / "Containerfile").read_text(encoding="utf-8")
FINAL = RECIPE.rsplit("\nFROM ", 1)[1]


def test_the_containerfile_passes_hadolint() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    process = subprocess.run(
        [hadolint, "--failure-threshold", "style", ROOT / "Containerfile"], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stdout


def test_the_build_context_is_what_the_image_contains() -> None:
    copied = {source for source, _ in re.findall(r"^COPY (?!--from)(\S+) (\S+)$", RECIPE, re.MULTILINE)}
    assert copied == {*image.SOURCE, "tools/image.py", *(f"requirements/{lock}.txt" for lock in image.MAX_MEGABYTES)}
    ignored = (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied


@pytest.mark.parametrize("name", ["version", "revision", "created"])
def test_the_workflow_sets_the_label(name: str) -> None:
    assert f'org.opencontainers.image.{name}="${{{name.upper()}}}"' in FINAL
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "image.yml").read_text(encoding="utf-8"))
    (built,) = (step for step in workflow["jobs"]["build"]["steps"] if "build-push-action" in step.get("uses", ""))
    assert f"{name.upper()}=" in built["with"]["build-args"]


def test_the_image_starts_gunicorn_unprivileged() -> None:
    assert "USER 65532:65532" in FINAL
    assert 'CMD ["python3", "-m", "gunicorn", "-c", "gunicorn.conf.py", "functions_framework:create_app()"]' in FINAL
    assert "HOME=/tmp" in FINAL
    assert "PYTHONPATH=/packages:/app" in FINAL
