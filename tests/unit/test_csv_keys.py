from datetime import date

import pytest

from shared.errors import InvalidRequest, NotFound
from shared.jobs.csv_keys import CsvReference, download_filename, key, parse_filename
from tests.builders import JOB_ID, record

DAY = date(2026, 1, 25)


def test_key_contains_the_attempt() -> None:
    assert key(record(attempt=2)) == f"csv/{JOB_ID}/2/distance_20260125_iphone_stuart_{JOB_ID}.csv"


def test_file_name_of_a_job_for_every_device_has_no_device() -> None:
    job = record(device_id="", attempt=1)
    assert download_filename(job) == "distance_20260125.csv"
    assert key(job) == f"csv/{JOB_ID}/1/distance_20260125_{JOB_ID}.csv"


@pytest.mark.parametrize(
    ("filename", "references"),
    [
        ("distance_20260125.csv", [CsvReference(None, DAY, "")]),
        ("distance_20260125_iphone_stuart.csv", [CsvReference(None, DAY, "iphone_stuart")]),
        (f"distance_20260125_{JOB_ID}.csv", [CsvReference(JOB_ID, DAY, ""), CsvReference(None, DAY, JOB_ID)]),
        (
            f"distance_20260125_my_phone_{JOB_ID}.csv",
            [CsvReference(JOB_ID, DAY, "my_phone"), CsvReference(None, DAY, f"my_phone_{JOB_ID}")],
        ),
    ],
)
def test_file_name_that_ends_in_a_job_id_refers_to_that_job_first(
    filename: str, references: list[CsvReference]
) -> None:
    assert parse_filename(filename) == references


@pytest.mark.parametrize(
    "filename", ["", "x.csv", "distance_x.txt", "distance_/a.csv", "distance_\\.csv", "distance_...csv"]
)
def test_invalid_file_name_raises_invalid_request(filename: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_filename(filename)


@pytest.mark.parametrize(
    "filename", ["distance_.csv", "distance_20261325.csv", "distance_2026-01-25.csv", "distance_20260125x.csv"]
)
def test_file_name_without_a_valid_date_raises_not_found(filename: str) -> None:
    with pytest.raises(NotFound):
        parse_filename(filename)
