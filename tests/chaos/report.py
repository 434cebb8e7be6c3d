"""Printed report of a run."""

from collections.abc import Iterator

from tests.chaos.observations import has_ended
from tests.chaos.run import RunResult
from tests.chaos.verdict import GIVEN_UP_CODES, Findings, attempt_number, count_failures

_MAX_PRINTED = 20


def lines(run: RunResult) -> Iterator[str]:
    """Yield one line per figure, then the first findings."""
    observations, kills = run.observations, run.killer.kills
    statuses = list(observations.statuses.values())
    failures = count_failures(observations)
    attempts = [attempt_number(status) for status in statuses]
    requests = sum(len(job.responses) for job in observations.workload)
    duplicates = sum(len(events) - 1 for events in observations.outcome_events.values())
    busy_kills = ", ".join(f"{part} {count}" for part, count in sorted(run.killer.busy_kills.items()) if count)
    figures = {
        "seed": str(run.plan.seed),
        "submitted": f"{requests} requests for {len(observations.workload)} jobs",
        "accepted": f"{sum(job.accepted for job in observations.workload)}",
        "ended": f"{sum(map(has_ended, statuses))}",
        "lost": f"{len(run.verdict.lost)}",
        "doubled": f"{len(run.verdict.doubled)}",
        "wrong": f"{len(run.verdict.wrong)}",
        "kills": f"{kills.total()}: " + ", ".join(f"{part} {kills[part]}" for part in sorted(kills)),
        "at work": f"{busy_kills or 'none'} were handling a request",
        "failed": ", ".join(f"{code} {count}" for code, count in sorted(failures.items())) or "0",
        "given up": str(sum(failures[code] for code in GIVEN_UP_CODES)),
        "attempts": f"{sum(attempt > 1 for attempt in attempts)} jobs completed by a later attempt than the first,"
        f" at most attempt {max(attempts, default=0)}",
        "outcomes": f"events of {len(observations.outcome_events)} jobs, {duplicates} duplicates",
        "time": f"{run.kill_seconds:.0f} s of kills, {run.total_seconds:.0f} s in total",
    }
    yield from (f"{name:10} {text}" for name, text in figures.items())
    for name in ("lost", "doubled", "wrong"):
        yield from _finding_lines(name, getattr(run.verdict, name))
    for part, count in run.killer.late_restarts.items():
        yield f"{part} did not restart in time, {count} times"
    if not run.is_complete:
        yield f"incomplete: {run.plan.jobs} jobs and {run.plan.kills} kills are required"


def _finding_lines(name: str, findings: Findings) -> Iterator[str]:
    for job_id, reasons in list(findings.reasons.items())[:_MAX_PRINTED]:
        yield f"{name}: {job_id} {'; '.join(reasons)}"
    if len(findings) > _MAX_PRINTED:
        yield f"{name}: and {len(findings) - _MAX_PRINTED} more"
