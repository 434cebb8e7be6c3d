"""A release is of the version that the code has, says what changed, and names its image by digest."""

from pathlib import Path

import pytest

from manifests.rendering import RenderError
from release import manifests
from release.__main__ import main
from release.changelog import NoSection, section
from shared.version import VERSION
from tests.contract.markdown import ROOT

IMAGE = f"registry.example:5000/home/otel-worker@sha256:{'0' * 64}"
CHANGES = "# Changelog\n\n## Unreleased\n\n## [1.2.3] - 2026-11-25\n\n- A\n\n### Fixed\n\n- B\n\n## 1.2.2\n\n- C\n"


@pytest.mark.parametrize("tag", ["v9.9.9", VERSION, f"v{VERSION}.0", f"v{VERSION}-rc.1", ""])
def test_a_tag_that_is_not_the_versions_is_refused(tag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version", tag]) == 1
    expected = f"the tag {tag} is not v{VERSION}, the version in shared/version.py\n"
    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize(("version", "text"), [("1.2.3", "- A\n\n### Fixed\n\n- B"), ("1.2.2", "- C")])
def test_the_notes_are_the_versions_section(version: str, text: str) -> None:
    assert section(CHANGES, version) == text


@pytest.mark.parametrize("version", ["1.2.4", "1.2", "1x2.3", "Unreleased"])
def test_a_version_that_nobody_described_is_refused(version: str) -> None:
    with pytest.raises(NoSection, match=f"no section for {version}"):
        section(CHANGES, version)


def overlay(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "kustomization.yaml").write_text(text)
    return folder


def pod(folder: Path, image: str) -> None:
    (folder / "pod.yaml").write_text(
        f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers: [{{name: a, image: '{image}'}}]\n"
    )


def test_every_overlay_becomes_one_file_that_names_the_image_by_its_digest(tmp_path: Path) -> None:
    for name in ("a", "b"):
        pod(overlay(tmp_path / name, "resources: [pod.yaml]"), f"{manifests.UNRELEASED}:{VERSION}")
    paths = list(manifests.write(tmp_path, IMAGE, tmp_path / "out"))
    assert [path.name for path in paths] == ["otel-worker-a.yaml", "otel-worker-b.yaml"]
    assert all(f"image: {IMAGE}" in path.read_text() for path in paths)


def test_the_base_names_the_image_that_a_release_replaces() -> None:
    text = manifests.rendered(ROOT / "knative" / "base", IMAGE)
    assert text.count(f"image: {IMAGE}") >= 4


@pytest.mark.parametrize("image", ["otel-worker", "otel-worker:1.0.0", "otel-worker@sha256:0", f"{IMAGE}0", "a b@c"])
def test_an_image_without_a_digest_is_refused(image: str) -> None:
    with pytest.raises(RenderError, match="by its digest is expected"):
        manifests.rendered(ROOT / "knative" / "base", image)


def test_an_overlay_of_another_image_is_refused(tmp_path: Path) -> None:
    pod(overlay(tmp_path / "a", "resources: [pod.yaml]"), "other:1")
    with pytest.raises(RenderError, match="not replaced everywhere"):
        manifests.rendered(tmp_path / "a", IMAGE)


def test_an_overlay_that_is_broken_is_told(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"none\.yaml"):
        manifests.rendered(overlay(tmp_path / "a", "resources: [none.yaml]"), IMAGE)
