import pytest

from tests.cluster.installation import _image
from tests.cluster.options import BadOption, Options, read

STORAGE = {
    "AWS_ENDPOINT_URL_S3": "http://s3:9000",
    "AWS_ACCESS_KEY_ID": "root",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


def test_without_options_everything_is_deployed_into_a_namespace_that_no_run_had_before() -> None:
    first, second = read({}), read({})
    assert first.own_database
    assert first.own_storage
    assert first.overlay == "in-memory"
    assert first.namespace.startswith(f"{Options.namespace}-")
    assert first.namespace != second.namespace


def test_a_database_and_a_storage_that_are_there_are_used() -> None:
    found = read({"DATABASE_URL": "postgresql://db/owntracks", **STORAGE})
    assert not found.own_database
    assert found.storage == STORAGE


@pytest.mark.parametrize("missing", STORAGE)
def test_half_a_storage_is_refused_by_the_name_of_what_is_missing(missing: str) -> None:
    given = {name: text for name, text in STORAGE.items() if name != missing}
    with pytest.raises(BadOption, match=f"^{missing}: missing"):
        read(given)


@pytest.mark.parametrize("overlay", ["none", "../base", "."])
def test_an_overlay_that_is_none_is_refused(overlay: str) -> None:
    with pytest.raises(BadOption, match=r"^OVERLAY"):
        read({"OVERLAY": overlay})


@pytest.mark.parametrize("namespace", ["Upper", "a_b", "-a", "a" * 41])
def test_a_namespace_that_kubernetes_would_refuse_is_refused(namespace: str) -> None:
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
def test_a_reference_becomes_kustomizes_fields(reference: str, fields: dict[str, str]) -> None:
    assert _image(reference) == fields
