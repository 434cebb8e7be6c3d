"""Bugs in a calculation: blocks, CSV, lease renewal."""

from tests.planted import Bug

_CALCULATE = "functions.calculate.calculation:_compute_and_store"
_UPLOAD = "shared.storage.multipart:Upload"

BUGS = (
    Bug(
        "lease-not-renewed",
        _CALCULATE,
        old="lambda: jobs.renew(claim)",
        new="lambda: None",
        breaks="a long job is claimed from an attempt that runs",
    ),
    Bug(
        "few-fixes-are-no-data",
        _CALCULATE,
        old="not statistics.total_locations",
        new="statistics.total_locations < 4",
        breaks="a day with three fixes fails",
    ),
    Bug(
        "first-block-skipped",
        _CALCULATE,
        old="stages.iterate(..., day.blocks)",
        new="(next(day.blocks, None), stages.iterate('fetch', day.blocks))[1]",
        breaks="numbers and CSV lack the first fixes of the day",
    ),
    Bug(
        "attempts-share-csv-key",
        "shared.jobs.csv_keys:key",
        old="record.attempt if attempt is None else attempt",
        new="1",
        breaks="a late attempt replaces the CSV of the attempt that committed",
    ),
    Bug(
        "incomplete-csv-visible",
        f"{_UPLOAD}.__exit__",
        old="kind is None",
        new="True",
        breaks="an attempt that fails leaves an incomplete CSV",
    ),
    Bug(
        "last-part-dropped",
        f"{_UPLOAD}._complete",
        old="self._send(last)",
        new="None",
        breaks="the CSV ends at its last full part",
    ),
    Bug(
        "digest-of-first-part",
        f"{_UPLOAD}._upload_part",
        old="self._digest.update(part)",
        new="self._digest.update(part if number == 1 else b'')",
        breaks="downloads of a CSV with several parts fail verification",
    ),
    Bug(
        "upload-not-aborted",
        f"{_UPLOAD}.__exit__",
        old="self._abort()",
        new="None",
        breaks="parts of a failed attempt stay in the bucket until its lifecycle rule removes them",
    ),
    Bug(
        "committed-csv-deleted",
        "shared.jobs.csv_cleanup:delete_superseded",
        old="key != ...",
        new="True",
        breaks="the CSV that the record names is deleted with the superseded ones",
    ),
)
