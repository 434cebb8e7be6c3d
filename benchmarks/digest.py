"""What the SHA-256 of a CSV costs: jobs with it beside jobs without it."""

from statistics import median

from benchmarks.pipeline import BUCKET, SINKS, Took, timed_job
from benchmarks.report import Figure
from benchmarks.stage import Stage

_FIXES = 1_000_000
_ROUNDS = 15


def measured(stage: Stage) -> list[Figure]:
    """Jobs with and without the digest in pairs, each in a fresh process; medians of the differences."""
    stage.settings("calculate", BUCKET)  # makes the bucket
    day = stage.day(_FIXES)
    pairs: dict[str, list[tuple[Took, Took]]] = {sink: [] for sink in SINKS}
    for number in range(_ROUNDS):
        for sink, taken in pairs.items():
            variants = [(), ("undigested",)]
            if number % 2:  # neither always runs first
                variants.reverse()
            took = {variant: timed_job(stage, day, _FIXES, sink, *variant) for variant in variants}
            taken.append((took[()], took["undigested",]))
    figures = []
    for sink, words in SINKS.items():
        for name, field in (("longer by", "seconds"), ("processor time, more by", "processor_seconds")):
            times = [(getattr(digested, field), getattr(plain, field)) for digested, plain in pairs[sink]]
            more = median(digested - plain for digested, plain in times)
            without = median(plain for _, plain in times)
            beside = f"without: {without * 1000:,.0f} ms"
            what = f"{_FIXES:,} fixes, {words}: {name}"
            figures.append(Figure("digest", what, more * 1000, "ms", beside, more / without))
    return figures
