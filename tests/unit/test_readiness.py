import json
from pathlib import Path

import pytest

from local import options
from local.parts import PORTS, Plan
from local.postgres import Cluster
from local.readiness import NotReady, _Waiting


class Starts:
    """A supervisor that starts one part again at every look."""

    alive = True

    def __init__(self, part: str) -> None:
        self._part, self._number = part, 0

    def starts(self) -> dict[str, int]:
        self._number += 1
        return {self._part: self._number, "gateway": 1}


def waiting(data_dir: Path, part: str = "postgres", **settings: str) -> _Waiting:
    (data_dir / "logs").mkdir(exist_ok=True)
    given = options.read({"DATA_DIR": str(data_dir), **settings})
    plan = Plan(given, {name: 20_000 + number for number, name in enumerate(PORTS)}, "instance")
    return _Waiting(plan, Starts(part))  # type: ignore[arg-type] # all that is asked of a supervisor


def looks(waiting: _Waiting, number: int) -> None:
    for _ in range(number):
        waiting._next_look = 0
        waiting.check_parts()


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        ("LOG:  starting\nFATAL:  database files are incompatible with server\nLOG:  bye\n", "FATAL:  database files"),
        ('{"level": "ERROR", "message": "Exception in worker process"}\n{"level": "ERROR"}\n', '{"level": "ERROR", "m'),
        ("first\nHOME_LATITUDE: a number is expected\n", "HOME_LATITUDE: a number is expected; "),
        ("", "it writes nothing; "),
    ],
)
def test_a_part_that_ends_at_every_start_ends_the_wait_with_its_cause(tmp_path: Path, log: str, cause: str) -> None:
    waited = waiting(tmp_path)
    (tmp_path / "logs" / "postgres.log").write_text(log)

    looks(waited, 3)
    with pytest.raises(NotReady) as failed:
        looks(waited, 1)

    assert str(failed.value).startswith(f"postgres ends again and again: {cause}")
    assert str(failed.value).endswith(f"{tmp_path}/logs/postgres.log says more")


def test_lines_of_an_earlier_start_are_no_cause(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "postgres.log").write_text("FATAL:  an old one\n")
    waited = waiting(tmp_path)

    with pytest.raises(NotReady, match="it writes nothing"):
        looks(waited, 4)


def test_the_last_failed_check_of_any_function_is_the_cause(tmp_path: Path) -> None:
    waited = waiting(tmp_path)
    for number, (target, dependency) in enumerate(
        [("calculate", "database"), ("submit", "broker"), ("list", "storage")]
    ):
        entry = {"time": f"2026-01-25T00:00:0{9 - number}Z", "message": "check failed", "dependency": dependency}
        (tmp_path / "logs" / f"{target}.log").write_text(f"{json.dumps({**entry, 'cause': f'cause {number}'})}\n")

    assert waited._failed_check() == ("database", "cause 0")


def test_a_password_that_is_not_the_databases_own_ends_the_wait(tmp_path: Path) -> None:
    class Refusing(Cluster):
        def problem(self, _: int) -> str:
            return 'FATAL:  password authentication failed for user "postgres"'

    waited = waiting(tmp_path)
    waited._cluster = Refusing(tmp_path, ())

    with pytest.raises(NotReady, match="has another password than credentials/ there"):
        waited.database()


@pytest.mark.parametrize("cause", ["28P01", "28000", "3D000", "42501", "42P01"])
def test_a_refusal_of_a_given_database_ends_the_wait(tmp_path: Path, cause: str) -> None:
    waited = waiting(tmp_path, PORT="1", DATABASE_URL="postgresql://there/db")
    entry = {"time": "2026-01-25T00:00:00Z", "message": "check failed", "dependency": "database", "cause": cause}
    (tmp_path / "logs" / "calculate.log").write_text(f"{json.dumps(entry)}\n")

    with pytest.raises(NotReady, match=rf"^DATABASE_URL: the database there refuses: .* \({cause}\)\Z"):
        waited.answers()


def test_a_failure_that_may_pass_is_waited_for_and_told_in_the_end(tmp_path: Path) -> None:
    waited = waiting(tmp_path, PORT="1", POSTGRES_HOST="there")
    entry = {"time": "2026-01-25T00:00:00Z", "message": "check failed", "dependency": "database", "cause": "08001"}
    (tmp_path / "logs" / "calculate.log").write_text(f"{json.dumps(entry)}\n")

    assert waited.answers() == "no answer from the gateway (ConnectionRefusedError) (database: 08001)"
    waited._first_failures = dict.fromkeys(waited._first_failures, -60.0)
    with pytest.raises(NotReady, match=r"^POSTGRES_HOST: the database there cannot be used: 08001\Z"):
        waited.answers()
