"""Cost of the SHA-256 of a CSV and of the analysis of a day: jobs with each, compared with jobs without."""

from collections.abc import Mapping
from datetime import date
from statistics import median
from typing import NamedTuple

from benchmarks.bench_stack import PHONE_FIXES, BenchStack
from benchmarks.pipeline import BUCKET, JobCost, run_job
from benchmarks.report import Figure

_DISCARD = {"discard": "CSV discarded"}
_STORE = {"store": "CSV on the S3 server"}
_ROUNDS = 15
_ANALYSIS_AT_MOST = 0.25  # of the time of a job without it
_MEASURES = (  # name, field of JobCost, unit, and its size
    ("longer by", "seconds", "ms", 1000),
    ("processor time, more by", "processor_seconds", "ms", 1000),
    ("peak memory, more by", "peak_mb", "MB", 1),
)


class _Day(NamedTuple):
    """A day of fixes; `at_most` is the bound of the longer time as a part of that without the feature."""

    label: str
    date: date
    fixes: int
    at_most: float | None = None


def measure_digest(stack: BenchStack) -> list[Figure]:
    """Compare jobs of a million fixes with and without the digest of the CSV."""
    return _compare(stack, "digest", _Day("1,000,000 fixes", stack.day(1_000_000), 1_000_000), _DISCARD | _STORE)


def measure_analysis(stack: BenchStack) -> list[Figure]:
    """Compare jobs of an average day and of a million fixes with and without the analysis."""
    days = (
        _Day("1,450 fixes", stack.day(1_450), 1_450),
        _Day("1,000,000 fixes", stack.day(1_000_000), 1_000_000, _ANALYSIS_AT_MOST),
        *(
            _Day(f"{PHONE_FIXES:,} fixes of {label}", stack.phones_day(phones), PHONE_FIXES, _ANALYSIS_AT_MOST)
            for phones, label in ((1, "a phone"), (100, "100 phones"))
        ),
    )
    return [figure for day in days for figure in _compare(stack, "analysis", day, _DISCARD)]


def _compare(stack: BenchStack, feature: str, day: _Day, sinks: Mapping[str, str]) -> list[Figure]:
    """Run pairs of jobs with and without a feature in new processes, and return the medians of the differences."""
    stack.settings("calculate", BUCKET)  # creates the bucket
    without_feature = f"without-{feature}"
    pairs: dict[str, list[tuple[JobCost, JobCost]]] = {sink: [] for sink in sinks}
    for number in range(_ROUNDS):
        for sink, sink_pairs in pairs.items():
            variants = [(), (without_feature,)]
            if number % 2:  # the order alternates
                variants.reverse()
            costs = {variant: run_job(stack, day.date, day.fixes, sink, *variant) for variant in variants}
            sink_pairs.append((costs[()], costs[without_feature,]))
    figures = []
    for sink, label in sinks.items():
        for name, field, unit, scale in _MEASURES:
            values = [(getattr(complete, field), getattr(reduced, field)) for complete, reduced in pairs[sink]]
            more = median(complete - reduced for complete, reduced in values)
            without = median(reduced for _, reduced in values)
            baseline = f"without: {without * scale:,.0f} {unit}"
            bound = day.at_most if field == "seconds" else None
            what = f"{day.label}, {label}: {name}"
            figures.append(Figure(feature, what, more * scale, unit, baseline, more / without, at_most=bound))
    return figures
