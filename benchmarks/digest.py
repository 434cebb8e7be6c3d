"""Cost of the SHA-256 of a CSV: jobs with it, compared with jobs without."""

from statistics import median

from benchmarks.bench_stack import BenchStack
from benchmarks.pipeline import BUCKET, JobTime, time_job
from benchmarks.report import Figure

_FIXES = 1_000_000
_SINKS = {"discard": "CSV discarded", "store": "CSV on the S3 server"}
_ROUNDS = 15


def measure(stack: BenchStack) -> list[Figure]:
    """Run pairs of jobs with and without the digest in new processes, and return the medians of the differences."""
    stack.settings("calculate", BUCKET)  # creates the bucket
    day = stack.day(_FIXES)
    pairs: dict[str, list[tuple[JobTime, JobTime]]] = {sink: [] for sink in _SINKS}
    for number in range(_ROUNDS):
        for sink, sink_pairs in pairs.items():
            variants = [(), ("without-digest",)]
            if number % 2:  # the order alternates
                variants.reverse()
            times = {variant: time_job(stack, day, _FIXES, sink, *variant) for variant in variants}
            sink_pairs.append((times[()], times["without-digest",]))
    figures = []
    for sink, label in _SINKS.items():
        for name, field in (("longer by", "seconds"), ("processor time, more by", "processor_seconds")):
            seconds = [(getattr(digested, field), getattr(plain, field)) for digested, plain in pairs[sink]]
            more = median(digested - plain for digested, plain in seconds)
            without = median(plain for _, plain in seconds)
            baseline = f"without: {without * 1000:,.0f} ms"
            what = f"{_FIXES:,} fixes, {label}: {name}"
            figures.append(Figure("digest", what, more * 1000, "ms", baseline, more / without))
    return figures
