"""The JSON of records and tombstones: what is stored, and what is rejected as invalid."""

import dataclasses
import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared import stored_json
from shared.errors import CorruptRecord
from shared.jobs import record_json
from shared.jobs.store import JobStore
from shared.models import AnalysisParameters, Record, Result, Status, Tombstone
from tests.builders import JOB_ID, TRACEPARENT, analysis, record, result
from tests.fakes import NOW, MemoryBucket

# As releases without the analysis stored them.
EARLIER_RECORD = (
    '{"date":"2026-01-25","device_id":"iphone_stuart","timezone":"UTC","home":{"latitude":40.736097,'
    '"longitude":-74.039373},"away_threshold_km":0.5,"version":1,"job_id":"019bfa00-0000-7000-8000-000000000001",'
    '"status":"completed","queued_at":"2026-01-26T12:00:00.345Z","started_at":"2026-01-26T12:00:01.345Z",'
    '"completed_at":"2026-01-26T12:00:02.345Z","attempt":2,"previous_attempts":0,"expired_leases":1,'
    '"released_attempts":0,"cause":"d\u00fc\\n\\u0001","redispatch_count":0,"result":{"total_distance_km":19.44,'
    '"total_locations":1464,"max_distance_km":0.31,"min_distance_km":0.001,"avg_distance_km":0.013,'
    '"path_length_km":2.718,"away_minutes":0.0,"rejected_locations":0,"csv_path":"csv/a.csv","csv_size_bytes":123456,'
    '"csv_sha256":"31e5ffba38082e1245e4f58accaa693c4a91a0a9b706a163e87919367cddc5b3","processing_time_ms":600,'
    '"worker_version":"0.1.0"},"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",'
    '"explicit_fields":["home","timezone"]}'
)
PARAMETERS = (
    '"analysis":{"home_radius_km":0.2,"dwell_seconds":180,"dwell_fixes":3,"gap_seconds":1800,"max_accuracy_m":10000,'
    '"jump_speed_kmh":300}'
)
ANALYSIS = '"analysis":{"method":1,"devices":[{"device_id":"iphone_stuart"}]}'
RECORD = EARLIER_RECORD.replace(',"version":1', f',{PARAMETERS},"version":1').replace(
    '"worker_version":"0.1.0"', f'"worker_version":"0.1.0",{ANALYSIS}'
)
TOMBSTONE = (
    '{"version":1,"job_id":"019bfa00-0000-7000-8000-000000000001","status":"deleted",'
    '"queued_at":"2026-01-26T12:00:00.345Z","deleted_at":"2026-01-26T12:00:01.345Z","attempt":2}'
)
JOB = record(
    status=Status.COMPLETED,
    started_at=NOW + timedelta(seconds=1),
    completed_at=NOW + timedelta(seconds=2),
    attempt=2,
    expired_leases=1,
    cause="d\u00fc\n\x01",
    analysis=AnalysisParameters(home_radius_km=0.2, dwell_fixes=3),
    result=result(
        csv_path="csv/a.csv",
        worker_version="0.1.0",
        analysis={"method": 1, "devices": [{"device_id": "iphone_stuart"}]},
    ),
    explicit_fields=("home", "timezone"),
)
DELETED = Tombstone(job_id=JOB_ID, queued_at=NOW, deleted_at=NOW + timedelta(seconds=1), attempt=2)


@pytest.mark.parametrize(("job", "text"), [(JOB, RECORD), (DELETED, TOMBSTONE)], ids=["record", "tombstone"])
def test_job_is_stored_in_this_form(job: Record | Tombstone, text: str) -> None:
    body, token = record_json.encode(job).decode().split(',"token":')
    assert f"{body}}}" == text
    assert re.fullmatch('"[0-9a-f]{16}"}', token)
    assert record_json.decode(text.encode()) == job


def test_record_of_a_release_without_analysis_has_default_parameters_and_no_analysis() -> None:
    decoded = record_json.decode(EARLIER_RECORD.encode())
    assert JOB.result
    assert decoded == JOB.copy_with(analysis=AnalysisParameters(), result=replace(JOB.result, analysis=None))
    assert record_json.decode(record_json.encode(decoded)) == decoded


def test_analysis_is_stored_verbatim() -> None:
    decoded: Any = record_json.decode(record_json.encode(record(result=result())))
    assert json.dumps(decoded.result.analysis) == json.dumps(analysis())


@pytest.mark.parametrize(
    ("model", "decoders"),
    [
        (Record, record_json._RECORD),
        (Result, record_json._RESULT),
        (AnalysisParameters, record_json._PARAMETERS),
        (Tombstone, record_json._TOMBSTONE),
    ],
)
def test_each_field_has_a_decoder(model: Any, decoders: stored_json.Decoders) -> None:
    assert set(decoders) == {field.name for field in dataclasses.fields(model)}


def changed(path: tuple[str, ...], value: object, text: str = RECORD) -> bytes:
    """Return `text` with another value of the field at `path`."""
    document = json.loads(text)
    parent = document
    for name in path[:-1]:
        parent = parent[name]
    parent[path[-1]] = value
    return json.dumps(document).encode()


def removed(path: tuple[str, ...], text: str = RECORD) -> bytes:
    """Return `text` without the field at `path`."""
    document = json.loads(text)
    parent = document
    for name in path[:-1]:
        parent = parent[name]
    del parent[path[-1]]
    return json.dumps(document).encode()


def paths(document: dict[str, Any], parent: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the paths of all fields of a document."""
    found = []
    for name, value in document.items():
        found.append((*parent, name))
        if isinstance(value, dict):
            found += paths(value, (*parent, name))
    return found


FIELDS = paths(json.loads(RECORD))
OPTIONAL = [("result", "csv_sha256"), ("result", "worker_version"), ("result", "analysis")]
REQUIRED_OF_RECORD = {
    *("date", "device_id", "timezone", "home", "away_threshold_km", "job_id", "queued_at", "traceparent"),
}
REQUIRED = [path for path in FIELDS if path[0] in REQUIRED_OF_RECORD or (path[1:] and path not in OPTIONAL)]


@pytest.mark.parametrize("path", REQUIRED, ids=".".join)
def test_record_without_a_required_field_is_corrupt(path: tuple[str, ...]) -> None:
    with pytest.raises(ValueError):
        record_json.decode(removed(path))


@pytest.mark.parametrize("path", [path for path in FIELDS if path not in REQUIRED], ids=".".join)
def test_record_without_an_optional_field_has_its_default(path: tuple[str, ...]) -> None:
    decoded: Any = record_json.decode(removed(path))
    holder = decoded.result if len(path) == 2 else decoded
    defaults = {field.name: field.default for field in dataclasses.fields(holder)}
    assert getattr(holder, path[-1]) == defaults[path[-1]]


@pytest.mark.parametrize("value", [True, [0], {"a": 0}, "\ud800"], ids=["boolean", "array", "object", "surrogate"])
@pytest.mark.parametrize("path", FIELDS, ids=".".join)
def test_record_with_a_field_of_another_type_is_corrupt(path: tuple[str, ...], value: object) -> None:
    with pytest.raises(ValueError):
        record_json.decode(changed(path, value))


@pytest.mark.parametrize("path", FIELDS, ids=".".join)
def test_numbers_and_strings_are_not_converted(path: tuple[str, ...]) -> None:
    old = json.loads(RECORD)
    for name in path:
        old = old[name]
    with pytest.raises(ValueError):
        record_json.decode(changed(path, 1769428800 if isinstance(old, str) else "1"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("status",), "paused"),
        (("status",), "deleted"),
        (("date",), "2026-02-30"),
        (("date",), "20260125"),
        (("device_id",), "a b"),
        (("timezone",), "Mars/Olympus"),
        (("job_id",), "1"),
        (("queued_at",), "2026-01-26T12:00:00"),
        (("queued_at",), "2026-01-26"),
        (("attempt",), None),
        (("attempt",), 1.5),
        (("explicit_fields",), [1]),
        (("explicit_fields",), "home"),
        (("away_threshold_km",), -1),
        (("away_threshold_km",), float("inf")),
        (("away_threshold_km",), 10**400),
        (("home", "latitude"), 90.1),
        (("home", "longitude"), -180.1),
        (("home", "longitude"), float("nan")),
        (("home", "altitude"), 0),
        (("result", "path_length_km"), None),
        (("result", "total_locations"), 1.5),
        (("result", "csv_sha256"), "31E5"),
        (("analysis", "dwell_fixes"), 2.0),
        (("analysis", "dwell_fixes"), 1_001),
        (("analysis", "max_accuracy_m"), 0),
        (("analysis", "gap_seconds"), float("nan")),
        (("analysis",), None),
        (("result", "analysis", "method"), None),
        (("result", "analysis", "devices"), {}),
        (("result", "analysis", "devices"), [{"coverage": float("nan")}]),
    ],
)
def test_record_with_an_invalid_value_is_corrupt(path: tuple[str, ...], value: object) -> None:
    with pytest.raises(ValueError):
        record_json.decode(changed(path, value))


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"\xff{}", b"\xef\xbb\xbf{}", b"[" * 100_000, RECORD[:-1].encode(), b'{"attempt": 1}']
)
def test_body_that_is_not_a_record_is_corrupt(body: bytes) -> None:
    bucket = MemoryBucket()
    bucket.put(f"jobs/{JOB_ID}.json", body)
    with pytest.raises(CorruptRecord):
        JobStore(bucket).load(JOB_ID)


def test_unknown_fields_of_later_versions_are_ignored() -> None:
    assert record_json.decode(changed(("priority",), [1])) == JOB
    assert record_json.decode(changed(("result", "trips"), {})) == JOB
    assert record_json.decode(changed(("analysis", "speed"), 1)) == JOB
    assert record_json.decode(changed(("priority",), 1, TOMBSTONE)) == DELETED


def test_equal_notations_are_equal_values() -> None:
    decoded: Any = record_json.decode(changed(("home", "longitude"), 40).replace(b"0.013", b"0.000085"))
    assert (decoded.home.longitude, decoded.result.avg_distance_km) == (40.0, 8.5e-05)
    assert type(decoded.home.longitude) is float
    assert record_json.decode(changed(("queued_at",), "2026-01-26T13:00:00.345+01:00")) == JOB
    assert record_json.decode(changed(("job_id",), JOB_ID.upper())) == JOB


@pytest.mark.parametrize("name", ["job_id", "queued_at", "deleted_at", "attempt"])
def test_tombstone_without_a_field_is_corrupt(name: str) -> None:
    with pytest.raises(ValueError):
        record_json.decode(removed((name,), TOMBSTONE))


def test_number_that_json_lacks_is_not_stored() -> None:
    with pytest.raises(ValueError):
        record_json.encode(record(away_threshold_km=float("nan")))


def test_copy_has_the_changes_and_no_unknown_field() -> None:
    assert record().copy_with(attempt=1) == record(attempt=1)
    assert record().trace_id == TRACEPARENT.split("-")[1]
    with pytest.raises(TypeError):
        record().copy_with(priority=1)
