"""Cost of the SHA-256 of a CSV and of the analysis of a day: jobs with each, compared with jobs without."""

from collections.abc import Mapping
from statistics import median

from benchmarks.bench_stack import BenchStack
from benchmarks.pipeline import BUCKET, JobTime, time_job
from benchmarks.report import Figure

_DISCARD = {"discard": "CSV discarded"}
_ROUNDS = 15


def measure_digest(stack: BenchStack) -> list[Figure]:
    """Compare jobs of a million fixes with and without the digest of the CSV."""
    return _compare(stack, "digest", 1_000_000, _DISCARD | {"store": "CSV on the S3 server"})


def measure_analysis(stack: BenchStack) -> list[Figure]:
    """Compare jobs of an average day and of a million fixes with and without the analysis."""
    return [*_compare(stack, "analysis", 1_450, _DISCARD), *_compare(stack, "analysis", 1_000_000, _DISCARD, 0.25)]


def _compare(
    stack: BenchStack, feature: str, fixes: int, sinks: Mapping[str, str], at_most: float | None = None
) -> list[Figure]:
    """Run pairs of jobs with and without a feature in new processes, and return the medians of the differences.

    `at_most` is the bound of the longer time as a part of that without the feature.
    """
    stack.settings("calculate", BUCKET)  # creates the bucket
    day, without_feature = stack.day(fixes), f"without-{feature}"
    pairs: dict[str, list[tuple[JobTime, JobTime]]] = {sink: [] for sink in sinks}
    for number in range(_ROUNDS):
        for sink, sink_pairs in pairs.items():
            variants = [(), (without_feature,)]
            if number % 2:  # the order alternates
                variants.reverse()
            times = {variant: time_job(stack, day, fixes, sink, *variant) for variant in variants}
            sink_pairs.append((times[()], times[without_feature,]))
    figures = []
    for sink, label in sinks.items():
        for name, field in (("longer by", "seconds"), ("processor time, more by", "processor_seconds")):
            seconds = [(getattr(complete, field), getattr(reduced, field)) for complete, reduced in pairs[sink]]
            more = median(complete - reduced for complete, reduced in seconds)
            without = median(reduced for _, reduced in seconds)
            baseline = f"without: {without * 1000:,.0f} ms"
            bound = at_most if field == "seconds" else None
            what = f"{fixes:,} fixes, {label}: {name}"
            figures.append(Figure(feature, what, more * 1000, "ms", baseline, more / without, at_most=bound))
    return figures
