"""What the seed of a chaos run decides, and what its caller asks for."""

from collections import Counter
from itertools import islice

import pytest

from tests.chaos import days, kills, workload
from tests.chaos.__main__ import plan
from tests.chaos.outcomes import Outcome, Outcomes


def test_a_seed_asks_for_the_same_and_kills_the_same() -> None:
    assert list(islice(kills.plan(7, kills.PARTS), 50)) == list(islice(kills.plan(7, kills.PARTS), 50))
    assert list(islice(workload.wishes(7), 50)) == list(islice(workload.wishes(7), 50))
    assert list(islice(workload.wishes(7), 50)) != list(islice(workload.wishes(8), 50))


def test_every_part_is_killed_and_sometimes_two_at_once() -> None:
    planned = [victims for _, victims in islice(kills.plan(1, kills.PARTS), 200)]

    assert set(Counter(part for victims in planned for part in victims)) == set(kills.PARTS)
    assert {len(victims) for victims in planned} == {1, 2}
    assert all(len(set(victims)) == len(victims) for victims in planned)


def test_a_single_part_is_killed_alone() -> None:
    assert {tuple(victims) for _, victims in islice(kills.plan(1, ["s3"]), 50)} == {("s3",)}


def test_wishes_are_days_with_and_without_fixes_by_both_ways_some_asked_for_twice() -> None:
    planned = list(islice(workload.wishes(1), 300))

    assert len({wish.job_id for wish, _ in planned}) == len(planned)
    assert {wish.foreign for wish, _ in planned} == {True, False}
    assert {callers for _, callers in planned} == {1, 2}
    tasks = {wish.task for wish, _ in planned}
    assert tasks & set(days.EMPTY)
    assert tasks >= {day.task for day in days.LONG}


def test_a_wish_is_accepted_by_its_first_202_and_refused_by_what_is_never_retried() -> None:
    wish = workload.Wish("key", "derived", ("2026-01-21", ""), answers=[(503, ""), (0, "")])
    assert (wish.accepted, wish.ids, wish.refused) == (False, {"derived"}, [])

    wish.answers += [(202, "told"), (422, "")]
    assert (wish.accepted, wish.ids, wish.refused) == (True, {"told"}, [422])


def test_options_come_from_the_command_line_then_from_the_environment() -> None:
    given = plan(["--jobs", "20"], {"CHAOS_JOBS": "30", "CHAOS_KILLS": "8", "CHAOS_SEED": "5"})

    assert (given.jobs, given.kills, given.seed) == (20, 8, 5)
    assert plan(["--parts", "s3,list"], {}).parts == ("s3", "list")
    assert (plan([], {}).jobs, plan([], {}).kills) == (500, 100)


def test_a_part_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        plan(["--parts", "s3,cache"], {})

    assert "no such part: cache" in capsys.readouterr().err


def test_an_outcome_that_can_not_be_read_is_kept_as_one_that_says_nothing() -> None:
    outcomes = Outcomes()
    outcomes.take("otelworker.distance.completed.v1", "job", b"{")
    outcomes.take("otelworker.distance.requested.v1", "job", b"{}")

    assert outcomes.by_job == {"job": [Outcome("completed", {})]}
