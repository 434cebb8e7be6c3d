"""A release has the version of the code, its notes, and manifests that name the image by digest."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.version import VERSION
from tests.contract.markdown import ROOT
from tools.manifests.__main__ import _write_release
from tools.manifests.__main__ import main as manifests
from tools.manifests.rendering import UNRELEASED_IMAGE, RenderError, render_release
from tools.release import ReleaseError, changelog_section, main

IMAGE = f"registry.example:5000/home/otel-worker@sha256:{'0' * 64}"
CHANGES = "# Changelog\n\n## Unreleased\n\n## [1.2.3] - 2026-11-25\n\n- A\n\n### Fixed\n\n- B\n\n## 1.2.2\n\n- C\n"


@pytest.mark.parametrize("tag", ["v9.9.9", VERSION, f"v{VERSION}.0", f"v{VERSION}-rc.1", ""])
def test_a_tag_of_another_version_is_an_error(tag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version", tag]) == 1
    expected = f"the tag {tag} is not v{VERSION}, the version in shared/version.py\n"
    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize(("version", "text"), [("1.2.3", "- A\n\n### Fixed\n\n- B"), ("1.2.2", "- C")])
def test_the_notes_are_the_section_of_the_version(version: str, text: str) -> None:
    assert changelog_section(CHANGES, version) == text


@pytest.mark.parametrize("version", ["1.2.4", "1.2", "1x2.3", "Unreleased"])
def test_a_version_without_a_section_is_an_error(version: str) -> None:
    with pytest.raises(ReleaseError, match=f"no section for {version}"):
        changelog_section(CHANGES, version)


def test_the_tag_is_checked_without_installed_packages() -> None:
    command = [sys.executable, "-S", "-m", "tools.release", "version", "v0"]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (
        1,
        f"the tag v0 is not v{VERSION}, the version in shared/version.py\n",
    )


def overlay(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "kustomization.yaml").write_text(text)
    return folder


def pod(folder: Path, image: str) -> None:
    (folder / "pod.yaml").write_text(
        f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers: [{{name: a, image: '{image}'}}]\n"
    )


def test_each_overlay_is_written_with_the_image_by_digest(tmp_path: Path) -> None:
    for name in ("a", "b"):
        pod(overlay(tmp_path / name, "resources: [pod.yaml]"), f"{UNRELEASED_IMAGE}:{VERSION}")
    assert _write_release(tmp_path, IMAGE, tmp_path / "out") == 0
    written = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert set(written) == {"otel-worker-a.yaml", "otel-worker-b.yaml"}
    assert all(f"image: {IMAGE}" in text for text in written.values())


def test_the_base_has_the_image_that_a_release_replaces() -> None:
    text = render_release(ROOT / "knative" / "base", IMAGE)
    assert text.count(f"image: {IMAGE}") >= 4


@pytest.mark.parametrize("image", ["otel-worker", "otel-worker:1.0.0", "otel-worker@sha256:0", f"{IMAGE}0", "a b@c"])
def test_an_image_without_a_digest_is_an_error(
    image: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert manifests(["release", image, str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{image} is not an image by digest, NAME@sha256:...\n"


def test_an_overlay_with_another_image_is_an_error(tmp_path: Path) -> None:
    pod(overlay(tmp_path / "a", "resources: [pod.yaml]"), "other:1")
    with pytest.raises(RenderError, match="the release cannot replace them"):
        render_release(tmp_path / "a", IMAGE)


def test_an_overlay_that_cannot_be_rendered_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"none\.yaml"):
        render_release(overlay(tmp_path / "a", "resources: [none.yaml]"), IMAGE)
