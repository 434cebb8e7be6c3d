"""Plan and workload of a chaos run."""

from collections import Counter
from itertools import islice

import pytest

from tests.chaos import days, kills, workload
from tests.chaos.__main__ import parse_plan
from tests.chaos.outcomes import OutcomeEvent, OutcomeEvents


def test_seed_determines_kills_and_jobs() -> None:
    assert list(islice(kills.plan_kills(7, kills.PARTS), 50)) == list(islice(kills.plan_kills(7, kills.PARTS), 50))
    assert list(islice(workload.plan_jobs(7), 50)) == list(islice(workload.plan_jobs(7), 50))
    assert list(islice(workload.plan_jobs(7), 50)) != list(islice(workload.plan_jobs(8), 50))


def test_kills_include_every_part_alone_or_with_another() -> None:
    planned = [victims for _, victims in islice(kills.plan_kills(1, kills.PARTS), 200)]

    assert set(Counter(part for victims in planned for part in victims)) == set(kills.PARTS)
    assert {len(victims) for victims in planned} == {1, 2}
    assert all(len(set(victims)) == len(victims) for victims in planned)


def test_single_part_is_killed_alone() -> None:
    assert {tuple(victims) for _, victims in islice(kills.plan_kills(1, ["s3"]), 50)} == {("s3",)}


def test_workload_has_submissions_and_events_for_all_kinds_of_days() -> None:
    planned = list(islice(workload.plan_jobs(1), 300))

    assert len({job.job_id for job, _ in planned}) == len(planned)
    assert {job.by_event for job, _ in planned} == {True, False}
    assert {callers for _, callers in planned} == {1, 2}
    tasks = {job.task for job, _ in planned}
    assert tasks & set(days.EMPTY)
    assert tasks >= {day.task for day in days.LONG_DAYS}


def test_job_is_accepted_by_a_202_and_rejected_by_a_permanent_error() -> None:
    job = workload.PlannedJob("key", "derived", ("2026-01-21", ""), responses=[(503, ""), (0, "")])
    assert (job.accepted, job.job_ids, job.rejections) == (False, {"derived"}, [])

    job.responses += [(202, "returned"), (422, "")]
    assert (job.accepted, job.job_ids, job.rejections) == (True, {"returned"}, [422])


def test_command_line_takes_precedence_over_environment() -> None:
    plan = parse_plan(["--jobs", "20"], {"CHAOS_JOBS": "30", "CHAOS_KILLS": "8", "CHAOS_SEED": "5"})

    assert (plan.jobs, plan.kills, plan.seed) == (20, 8, 5)
    assert parse_plan(["--parts", "s3,list"], {}).parts == ("s3", "list")
    assert (parse_plan([], {}).jobs, parse_plan([], {}).kills) == (500, 100)


def test_unknown_part_is_rejected(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_plan(["--parts", "s3,cache"], {})

    assert "no such part: cache" in capsys.readouterr().err


def test_outcome_event_with_invalid_data_has_empty_data() -> None:
    events = OutcomeEvents()
    events.add("otelworker.distance.completed.v1", "job", b"{")
    events.add("otelworker.distance.requested.v1", "job", b"{}")

    assert events.by_job == {"job": [OutcomeEvent("completed", {})]}
