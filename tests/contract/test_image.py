"""The image's recipe: linted, nothing that it copies is kept from it, and labels that the workflow fills."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped] # it ships no types, and one call needs no stubs

from image import tree
from tests.contract.markdown import ROOT

RECIPE = (ROOT / "Containerfile").read_text(encoding="utf-8")
FINAL = RECIPE.rsplit("\nFROM ", 1)[1]


def test_the_recipe_is_clean() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [hadolint, "--failure-threshold", "style", ROOT / "Containerfile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_what_goes_in_is_what_the_tree_is_made_of() -> None:
    copied = {source for source, _ in re.findall(r"^COPY (?!--from)(\S+) (\S+)$", RECIPE, re.MULTILINE)}
    assert copied == {*tree.SOURCE, "image", *(f"requirements/{lock}.txt" for lock in tree.BUDGETS_MB)}
    ignored = (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied


@pytest.mark.parametrize("name", ["version", "revision", "created"])
def test_a_label_is_what_the_workflow_gives(name: str) -> None:
    assert f'org.opencontainers.image.{name}="${{{name.upper()}}}"' in FINAL
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "image.yml").read_text(encoding="utf-8"))
    (built,) = (step for step in workflow["jobs"]["build"]["steps"] if "build-push-action" in step.get("uses", ""))
    assert f"{name.upper()}=" in built["with"]["build-args"]


def test_the_image_starts_as_the_functions_are_started_everywhere() -> None:
    assert "USER 65532:65532" in FINAL
    assert 'CMD ["python3", "-m", "gunicorn", "-c", "gunicorn.conf.py", "functions_framework:create_app()"]' in FINAL
    assert "HOME=/tmp" in FINAL
    assert "PYTHONPATH=/packages:/app" in FINAL
