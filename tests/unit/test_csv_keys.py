from datetime import date

import pytest

from shared.errors import InvalidRequest, NotFound
from shared.jobs.csv_keys import Asked, asked, download_name, key
from tests.builders import JOB_ID, record

DAY = date(2026, 1, 25)


def test_each_attempt_has_a_key_of_its_own() -> None:
    assert key(record(attempt=2)) == f"csv/{JOB_ID}/2/distance_20260125_iphone_stuart_{JOB_ID}.csv"


def test_a_job_for_every_device_names_none() -> None:
    every = record(device_id="", attempt=1)
    assert download_name(every) == "distance_20260125.csv"
    assert key(every) == f"csv/{JOB_ID}/1/distance_20260125_{JOB_ID}.csv"


@pytest.mark.parametrize(
    ("filename", "readings"),
    [
        ("distance_20260125.csv", [Asked(None, DAY, "")]),
        ("distance_20260125_iphone_stuart.csv", [Asked(None, DAY, "iphone_stuart")]),
        (f"distance_20260125_{JOB_ID}.csv", [Asked(JOB_ID, DAY, ""), Asked(None, DAY, JOB_ID)]),
        (
            f"distance_20260125_my_phone_{JOB_ID}.csv",
            [Asked(JOB_ID, DAY, "my_phone"), Asked(None, DAY, f"my_phone_{JOB_ID}")],
        ),
    ],
)
def test_a_name_that_ends_in_a_job_id_is_read_as_that_first(filename: str, readings: list[Asked]) -> None:
    assert asked(filename) == readings


@pytest.mark.parametrize(
    "filename", ["", "x.csv", "distance_x.txt", "distance_/a.csv", "distance_\\.csv", "distance_...csv"]
)
def test_what_is_no_csv_name_of_ours_is_invalid(filename: str) -> None:
    with pytest.raises(InvalidRequest):
        asked(filename)


@pytest.mark.parametrize(
    "filename", ["distance_.csv", "distance_20261325.csv", "distance_2026-01-25.csv", "distance_20260125x.csv"]
)
def test_a_name_without_a_day_is_not_found(filename: str) -> None:
    with pytest.raises(NotFound):
        asked(filename)
