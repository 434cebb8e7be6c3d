"""What a job's CSV is called: its key in the bucket, the name it is downloaded by, and the way back."""

import re
from dataclasses import dataclass
from datetime import date

from shared.errors import InvalidRequest, NotFound
from shared.models import Record

FILENAME = r"^distance_(?!.*\.\.)[^/\\]*\.csv$"
_JOB_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def key(record: Record, attempt: int | None = None) -> str:
    """The key of an attempt's CSV (default: the latest's): no two share one, so a late one can replace nothing."""
    stem = download_name(record).removesuffix(".csv")
    return f"{folder(record.job_id)}{record.attempt if attempt is None else attempt}/{stem}_{record.job_id}.csv"


def folder(job_id: str) -> str:
    """What the keys of all of a job's CSVs begin with."""
    return f"csv/{job_id}/"


def made_by(key: str) -> tuple[str, int] | None:
    """The job and the attempt that made the CSV `key`, or None for what is no CSV of ours."""
    found = re.fullmatch(rf"csv/({_JOB_ID})/([0-9]{{1,9}})/[^/]+", key)
    return (found[1], int(found[2])) if found else None


def download_name(record: Record) -> str:
    """The name that a browser saves the CSV by: `distance_20260125_iphone_stuart.csv`."""
    device = f"_{record.device_id}" if record.device_id else ""
    return f"distance_{record.date:%Y%m%d}{device}.csv"


def download_path(csv_path: str) -> str:
    """The path of the API that redirects to the CSV with the key `csv_path`."""
    return f"/api/distance/download/{csv_path.rsplit('/', 1)[-1]}"


@dataclass(frozen=True)
class Asked:
    """What a file name asks for: a job, or the newest one of a date and a device ("" is every device)."""

    job_id: str | None
    date: date
    device_id: str


def asked(filename: str) -> list[Asked]:
    """The readings of `filename`, the likelier first; InvalidRequest for no CSV's name, NotFound for no day's."""
    if not re.fullmatch(FILENAME.strip("^$"), filename, re.DOTALL):
        raise InvalidRequest("Invalid filename. Expected distance_YYYYMMDD[_device][_job].csv", "filename", filename)
    found = re.fullmatch(r"distance_([0-9]{8})(?:_(.+))?\.csv", filename)
    try:
        day = date.fromisoformat(found[1]) if found else None
    except ValueError:
        day = None
    if found is None or day is None:
        raise NotFound("No such file")
    rest = found[2] or ""
    readings = [Asked(None, day, rest)]
    if with_job := re.fullmatch(rf"(?:(.+)_)?({_JOB_ID})", rest):
        readings.insert(0, Asked(with_job[2], day, with_job[1] or ""))
    return readings
