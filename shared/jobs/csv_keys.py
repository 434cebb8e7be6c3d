"""Names of a job's CSVs: object keys, download file names, and their parsing."""

import re
from dataclasses import dataclass
from datetime import date

from shared.errors import InvalidRequest, NotFound
from shared.models import Record

FILENAME = r"^distance_(?!.*\.\.)[^/\\]*\.csv$"
_JOB_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def key(record: Record, attempt: int | None = None) -> str:
    """Return the key of an attempt's CSV (default: the latest attempt's).

    Each attempt has its own key, so a late attempt cannot replace the CSV of another.
    """
    stem = download_filename(record).removesuffix(".csv")
    return f"{job_prefix(record.job_id)}{record.attempt if attempt is None else attempt}/{stem}_{record.job_id}.csv"


def job_prefix(job_id: str) -> str:
    """Return the common prefix of the keys of a job's CSVs."""
    return f"csv/{job_id}/"


def parse_key(key: str) -> tuple[str, int] | None:
    """Return the job id and the attempt of a CSV, or None if `key` is not the key of a CSV."""
    match = re.fullmatch(rf"csv/({_JOB_ID})/([0-9]{{1,9}})/[^/]+", key)
    return (match[1], int(match[2])) if match else None


def download_filename(record: Record) -> str:
    """Return the file name of the download, for example `distance_20260125_iphone_stuart.csv`."""
    device = f"_{record.device_id}" if record.device_id else ""
    return f"distance_{record.date:%Y%m%d}{device}.csv"


def download_path(csv_path: str) -> str:
    """Return the path of the API that redirects to the CSV with the key `csv_path`."""
    return f"/api/distance/download/{csv_path.rsplit('/', 1)[-1]}"


@dataclass(frozen=True)
class CsvReference:
    """A reference to a CSV: by job id, or to the newest of a date and device. The device "" means every device."""

    job_id: str | None
    date: date
    device_id: str


def parse_filename(filename: str) -> list[CsvReference]:
    """Return the possible meanings of a file name, the most likely first.

    A device id may end like a job id, so a name can have two meanings. Raises InvalidRequest if `filename` is not the
    name of a CSV, and NotFound if it contains no valid date.
    """
    if not re.fullmatch(FILENAME.strip("^$"), filename, re.DOTALL):
        raise InvalidRequest("Invalid filename. Expected distance_YYYYMMDD[_device][_job].csv", "filename", filename)
    match = re.fullmatch(r"distance_([0-9]{8})(?:_(.+))?\.csv", filename)
    try:
        day = date.fromisoformat(match[1]) if match else None
    except ValueError:
        day = None
    if match is None or day is None:
        raise NotFound("No such file")
    suffix = match[2] or ""
    references = [CsvReference(None, day, suffix)]
    if with_job_id := re.fullmatch(rf"(?:(.+)_)?({_JOB_ID})", suffix):
        references.insert(0, CsvReference(with_job_id[2], day, with_job_id[1] or ""))
    return references
