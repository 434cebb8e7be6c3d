"""Options of the cluster test, and the protection of foreign namespaces."""

import pytest

from tests.cluster.installation import _image_fields, is_created_by_test
from tests.cluster.options import BadOption, Options, read

STORAGE = {
    "AWS_ENDPOINT_URL_S3": "http://s3:9000",
    "AWS_ACCESS_KEY_ID": "root",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


def test_default_is_a_complete_deployment_into_a_new_namespace() -> None:
    first, second = read({}), read({})
    assert first.deploys_database
    assert first.deploys_storage
    assert first.overlay == "in-memory"
    assert first.namespace.startswith(f"{Options.namespace}-")
    assert first.namespace != second.namespace


def test_existing_database_and_storage_are_used() -> None:
    options = read({"DATABASE_URL": "postgresql://db/owntracks", **STORAGE})
    assert not options.deploys_database
    assert options.storage == STORAGE


@pytest.mark.parametrize("missing", STORAGE)
def test_incomplete_storage_is_rejected_with_the_missing_name(missing: str) -> None:
    environ = {name: text for name, text in STORAGE.items() if name != missing}
    with pytest.raises(BadOption, match=f"^{missing}: missing"):
        read(environ)


@pytest.mark.parametrize("overlay", ["none", "../base", "."])
def test_unknown_overlay_is_rejected(overlay: str) -> None:
    with pytest.raises(BadOption, match=r"^OVERLAY"):
        read({"OVERLAY": overlay})


@pytest.mark.parametrize("namespace", ["Upper", "a_b", "-a", "a" * 41])
def test_invalid_namespace_is_rejected(namespace: str) -> None:
    with pytest.raises(BadOption, match=r"^NAMESPACE"):
        read({"NAMESPACE": namespace})


@pytest.mark.parametrize(
    ("reference", "fields"),
    [
        ("dev.local/otel-worker:ci", {"newName": "dev.local/otel-worker", "newTag": "ci"}),
        ("localhost:5000/a/b:1", {"newName": "localhost:5000/a/b", "newTag": "1"}),
        ("localhost:5000/a/b", {"newName": "localhost:5000/a/b", "newTag": "latest"}),
        ("example.com/a@sha256:00", {"newName": "example.com/a", "digest": "sha256:00"}),
    ],
)
def test_image_reference_is_converted_to_kustomize_fields(reference: str, fields: dict[str, str]) -> None:
    assert _image_fields(reference) == fields


@pytest.mark.parametrize(
    ("labels", "expected"), [({}, False), ({"team": "other"}, False), ({"otel-worker.test": "cluster"}, True)]
)
def test_only_a_namespace_of_an_earlier_run_is_deleted(labels: dict[str, str], *, expected: bool) -> None:
    namespace = {"metadata": {"labels": {"kubernetes.io/metadata.name": "otel-worker-test", **labels}}}

    assert is_created_by_test(namespace) == expected
