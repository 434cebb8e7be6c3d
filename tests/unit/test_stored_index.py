"""The JSON of manifest and device list: what is stored, and what is rejected as invalid."""

import dataclasses
from typing import Any

import pytest

from shared import stored_json
from shared.job_index import devices, manifest
from shared.job_index.devices import DeviceList
from shared.job_index.manifest import Manifest, SealedSegment, VersionedManifest
from tests.builders import JOB_ID
from tests.fakes import NOW, MemoryBucket
from tests.unit.test_stored_documents import changed

TIME = "2026-01-26T12:00:00.345Z"
MANIFEST = (
    '{"generation":3,"hot":null,"sealed":[{"key":"x/0000000002.sealed.a.npz","rows":2,'
    '"newest":[1769428800345,"019bfa00-0000-7000-8000-000000000001"]}]}'
)
DEVICES = (
    '{"version":1,"devices":{"phone":"2026-01-26T12:00:00.345Z"},"as_of":"2026-01-26T12:00:00.345Z",'
    '"queried_at":"2026-01-26T12:00:00.345Z","full_scan_pending":true,"token":"t"}'
)
SEALED = SealedSegment(key="x/0000000002.sealed.a.npz", rows=2, newest=(1769428800345, JOB_ID))
STORED_MANIFEST = Manifest(generation=3, sealed=(SEALED,))
STORED_DEVICES = DeviceList(devices={"phone": NOW}, as_of=NOW, queried_at=NOW, full_scan_pending=True, token="t")


def test_manifest_is_stored_as_by_earlier_releases() -> None:
    bucket = MemoryBucket()
    manifest.replace(bucket, VersionedManifest(Manifest(), None), STORED_MANIFEST)
    assert bucket.get(manifest.CURRENT).body.decode().split(',"token":')[0] + "}" == MANIFEST
    assert manifest.read(bucket).manifest == STORED_MANIFEST


def test_device_list_is_stored_as_by_earlier_releases() -> None:
    bucket = MemoryBucket()
    devices.write(bucket, STORED_DEVICES, None)
    assert bucket.get(devices.KEY).body.decode() == DEVICES
    assert devices.read(bucket).device_list == STORED_DEVICES


@pytest.mark.parametrize(
    ("model", "decoders"),
    [
        (Manifest, manifest._MANIFEST),
        (SealedSegment, manifest._SEALED_SEGMENT),
        (DeviceList, devices._DEVICE_LIST),
    ],
)
def test_each_field_has_a_decoder(model: Any, decoders: stored_json.Decoders) -> None:
    assert set(decoders) == {field.name for field in dataclasses.fields(model)}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("generation",), "3"),
        (("hot",), 1),
        (("sealed",), {}),
        (("sealed",), [{"key": "x/1", "rows": 1}]),
        (("sealed",), [{"key": "x/1", "rows": 1, "newest": [1]}]),
        (("sealed",), [{"key": "x/1", "rows": 1, "newest": ["1", JOB_ID]}]),
    ],
)
def test_invalid_manifest_is_an_error(path: tuple[str, ...], value: object) -> None:
    bucket = MemoryBucket()
    bucket.put(manifest.CURRENT, changed(path, value, MANIFEST))
    with pytest.raises(ValueError):
        manifest.read(bucket)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("devices",), [TIME]),
        (("devices",), {"a b": TIME}),
        (("devices",), {"a": 1769428800}),
        (("queried_at",), None),
        (("full_scan_pending",), "true"),
        (("token",), 1),
    ],
)
def test_invalid_device_list_counts_as_missing(path: tuple[str, ...], value: object) -> None:
    bucket = MemoryBucket()
    bucket.put(devices.KEY, changed(path, value, DEVICES))
    assert devices.read(bucket).device_list is None
