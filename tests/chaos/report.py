"""What came of a run, in words for a person."""

from collections.abc import Iterator

from tests.chaos.run import Run
from tests.chaos.verdict import GIVEN_UP, Findings, attempt_of, failures

_SHOWN = 20


def lines(run: Run) -> Iterator[str]:
    """The figures, one a line, then the first findings."""
    seen, kills, at_work = run.seen, run.killer.kills, run.killer.at_work
    jobs = list(seen.statuses.values())
    failed = failures(seen)
    attempts = [attempt_of(job) for job in jobs]
    asked = sum(len(wish.answers) for wish in seen.wishes)
    given_up = sum(failed[code] for code in GIVEN_UP)
    repeated = sum(len(told) - 1 for told in seen.outcomes.values())
    figures = {
        "seed": str(run.plan.seed),
        "submitted": f"{asked} requests for {len(seen.wishes)} jobs",
        "accepted": f"{sum(wish.accepted for wish in seen.wishes)}",
        "ended": f"{sum(job['status'] in ('completed', 'failed') for job in jobs)}",
        "lost": f"{len(run.verdict.lost)}",
        "doubled": f"{len(run.verdict.doubled)}",
        "wrong": f"{len(run.verdict.wrong)}",
        "kills": f"{kills.total()}: " + ", ".join(f"{part} {kills[part]}" for part in sorted(kills)),
        "at work": ", ".join(f"{part} {count}" for part, count in sorted(at_work.items()) if count)
        + " were killed with a request in hand",
        "failed": ", ".join(f"{code} {count}" for code, count in sorted(failed.items())) or "0",
        "given up": str(given_up),
        "attempts": f"{sum(attempt > 1 for attempt in attempts)} jobs completed by a later one than the first,"
        f" the latest {max(attempts, default=0)}",
        "outcomes": f"events of {len(seen.outcomes)} jobs, {repeated} repeats",
        "time": f"{run.storm_seconds:.0f} s of kills, {run.seconds:.0f} s in all",
    }
    yield from (f"{name:10} {text}" for name, text in figures.items())
    for name in ("lost", "doubled", "wrong"):
        yield from _told(name, getattr(run.verdict, name))
    for part, count in run.killer.absent.items():
        yield f"{part} was not up again in time, {count} times"
    if not run.enough:
        yield f"not enough: {run.plan.jobs} jobs and {run.plan.kills} kills are wanted"


def _told(name: str, findings: Findings) -> Iterator[str]:
    for job_id, reasons in list(findings.reasons.items())[:_SHOWN]:
        yield f"{name}: {job_id} {'; '.join(reasons)}"
    if len(findings) > _SHOWN:
        yield f"{name}: and {len(findings) - _SHOWN} more"
