import json
from pathlib import Path

import pytest

from local import options
from local.components import PORTS, Plan
from local.postgres import Cluster
from local.startup import StartupError, _StartupChecks


class RestartingSupervisor:
    """A supervisor that reports a restart of one component at every poll."""

    is_running = True

    def __init__(self, component: str) -> None:
        self._component, self._number = component, 0

    def start_times(self) -> dict[str, int]:
        self._number += 1
        return {self._component: self._number, "gateway": 1}


def startup_checks(data_dir: Path, component: str = "postgres", **settings: str) -> _StartupChecks:
    (data_dir / "logs").mkdir(exist_ok=True)
    read = options.read({"DATA_DIR": str(data_dir), **settings})
    plan = Plan(read, {name: 20_000 + number for number, name in enumerate(PORTS)}, "instance")
    return _StartupChecks(plan, RestartingSupervisor(component))  # type: ignore[arg-type] # the methods that startup calls


def poll(checks: _StartupChecks, number: int) -> None:
    for _ in range(number):
        checks._next_poll = 0
        checks.raise_for_exited_components()


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        ("LOG:  starting\nFATAL:  database files are incompatible with server\nLOG:  bye\n", "FATAL:  database files"),
        ('{"level": "ERROR", "message": "Exception in worker process"}\n{"level": "ERROR"}\n', '{"level": "ERROR", "m'),
        ("first\nHOME_LATITUDE: a number is expected\n", "HOME_LATITUDE: a number is expected; "),
        ("", "no output; "),
    ],
)
def test_a_crash_looping_component_fails_the_start(tmp_path: Path, log: str, cause: str) -> None:
    checks = startup_checks(tmp_path)
    (tmp_path / "logs" / "postgres.log").write_text(log)

    poll(checks, 3)
    with pytest.raises(StartupError) as failed:
        poll(checks, 1)

    assert str(failed.value).startswith(f"postgres keeps exiting: {cause}")
    assert str(failed.value).endswith(f"; see {tmp_path}/logs/postgres.log")


def test_log_lines_of_an_earlier_start_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "postgres.log").write_text("FATAL:  an old one\n")
    checks = startup_checks(tmp_path)

    with pytest.raises(StartupError, match="no output"):
        poll(checks, 4)


def test_the_latest_failed_check_of_any_function_is_the_cause(tmp_path: Path) -> None:
    checks = startup_checks(tmp_path)
    for number, (target, dependency) in enumerate(
        [("calculate", "database"), ("submit", "broker"), ("list", "storage")]
    ):
        entry = {"time": f"2026-01-25T00:00:0{9 - number}Z", "message": "check failed", "dependency": dependency}
        (tmp_path / "logs" / f"{target}.log").write_text(f"{json.dumps({**entry, 'cause': f'cause {number}'})}\n")

    assert checks._last_failed_check() == ("database", "cause 0")


def test_a_changed_database_password_fails_the_start(tmp_path: Path) -> None:
    class RejectingCluster(Cluster):
        def connection_error(self, _: int) -> str:
            return 'FATAL:  password authentication failed for user "postgres"'

    checks = startup_checks(tmp_path)
    checks._cluster = RejectingCluster(tmp_path, ())

    with pytest.raises(StartupError, match="has another password than the one in credentials/"):
        checks.database()


@pytest.mark.parametrize("cause", ["28P01", "28000", "3D000", "42501", "42P01"])
def test_a_permanent_failure_of_an_external_database_fails_the_start(tmp_path: Path, cause: str) -> None:
    checks = startup_checks(tmp_path, PORT="1", DATABASE_URL="postgresql://there/db")
    entry = {"time": "2026-01-25T00:00:00Z", "message": "check failed", "dependency": "database", "cause": cause}
    (tmp_path / "logs" / "calculate.log").write_text(f"{json.dumps(entry)}\n")

    with pytest.raises(StartupError, match=rf"^DATABASE_URL: database rejected the request: .* \({cause}\)\Z"):
        checks.services()


def test_a_transient_failure_of_an_external_database_fails_the_start_after_a_timeout(tmp_path: Path) -> None:
    checks = startup_checks(tmp_path, PORT="1", POSTGRES_HOST="there")
    entry = {"time": "2026-01-25T00:00:00Z", "message": "check failed", "dependency": "database", "cause": "08001"}
    (tmp_path / "logs" / "calculate.log").write_text(f"{json.dumps(entry)}\n")

    assert checks.services() == "no response from the gateway (ConnectionRefusedError) (database: 08001)"
    checks._first_failures = dict.fromkeys(checks._first_failures, -60.0)
    with pytest.raises(StartupError, match=r"^POSTGRES_HOST: database is unavailable: 08001\Z"):
        checks.services()
