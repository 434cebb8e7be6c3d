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
_ANALYSIS_BELOW_MS = 3  # of an average day
_MEASURES = (  # name, field of JobCost, unit, and its size
    ("longer by", "seconds", "ms", 1000),
    ("processor time, more by", "processor_seconds", "ms", 1000),
    ("peak memory, more by", "peak_mb", "MB", 1),
)

Pairs = list[tuple[JobCost, JobCost]]  # with and without a feature


class _Day(NamedTuple):
    """A day of fixes; `at_most` bounds the time of the feature as a part of that without it, `below_ms` the time."""

    label: str
    date: date
    fixes: int
    at_most: float | None = None
    below_ms: float | None = None


def measure_digest(stack: BenchStack) -> list[Figure]:
    """Compare jobs of a million fixes with and without the digest of the CSV."""
    day = _Day("1,000,000 fixes", stack.day(1_000_000), 1_000_000)
    pairs = _run_pairs(stack, "digest", day, _DISCARD | _STORE)
    return [figure for label, costs in pairs.items() for figure in _differences("digest", day, label, costs)]


def measure_analysis(stack: BenchStack) -> list[Figure]:
    """Compare jobs of an average day and of a million fixes with and without the analysis."""
    days = (
        _Day("1,450 fixes", stack.day(1_450), 1_450, below_ms=_ANALYSIS_BELOW_MS),
        _Day("1,450 fixes of a phone", stack.phones_day(1, 1_450), 1_450, below_ms=_ANALYSIS_BELOW_MS),
        _Day("1,000,000 fixes", stack.day(1_000_000), 1_000_000, _ANALYSIS_AT_MOST),
        *(
            _Day(f"{PHONE_FIXES:,} fixes of {label}", stack.phones_day(phones), PHONE_FIXES, _ANALYSIS_AT_MOST)
            for phones, label in ((1, "a phone"), (100, "100 phones"))
        ),
    )
    figures = []
    for day in days:
        for label, pairs in _run_pairs(stack, "analysis", day, _DISCARD).items():
            figures += [_own_time(day, label, pairs), *_differences("analysis", day, label, pairs)]
    return figures


def _run_pairs(stack: BenchStack, feature: str, day: _Day, sinks: Mapping[str, str]) -> dict[str, Pairs]:
    """Run pairs of jobs with and without a feature in new processes, and return their costs by the sink's label."""
    stack.settings("calculate", BUCKET)  # creates the bucket
    without_feature = f"without-{feature}"
    pairs: dict[str, Pairs] = {label: [] for label in sinks.values()}
    for number in range(_ROUNDS):
        for sink, label in sinks.items():
            variants = [(), (without_feature,)]
            if number % 2:  # the order alternates
                variants.reverse()
            costs = {variant: run_job(stack, day.date, day.fixes, sink, *variant) for variant in variants}
            pairs[label].append((costs[()], costs[without_feature,]))
    return pairs


def _own_time(day: _Day, label: str, pairs: Pairs) -> Figure:
    """Return the median of the time of the analysis, and of its ratio to the rest of the same job.

    A process is as slow in its analysis as in the rest, so this varies much less than the difference of two processes.
    """
    own = [complete.analysis_seconds for complete, _ in pairs]
    rest = [complete.seconds - complete.analysis_seconds for complete, _ in pairs]
    ratio = median(time / other for time, other in zip(own, rest, strict=True))
    baseline = f"rest of the job: {median(rest) * 1000:,.0f} ms"
    what = f"{day.label}, {label}: time in it"
    return Figure("analysis", what, median(own) * 1000, "ms", baseline, ratio, at_most=day.at_most, below=day.below_ms)


def _differences(feature: str, day: _Day, label: str, pairs: Pairs) -> list[Figure]:
    """Return the medians of the differences of pairs."""
    figures = []
    for name, field, unit, scale in _MEASURES:
        values = [(getattr(complete, field), getattr(reduced, field)) for complete, reduced in pairs]
        more = median(complete - reduced for complete, reduced in values)
        without = median(reduced for _, reduced in values)
        baseline = f"without: {without * scale:,.0f} {unit}"
        at_most, below = (day.at_most, day.below_ms) if field == "seconds" else (None, None)
        what = f"{day.label}, {label}: {name}"
        value, ratio = more * scale, more / without
        figures.append(Figure(feature, what, value, unit, baseline, ratio, at_most=at_most, below=below))
    return figures
