"""Waiting for the components of a new stack; permanent failures end the wait early and name the cause."""

import http.client
import json
import time
from collections import defaultdict
from collections.abc import Callable

import psycopg

from local import object_storage, postgres, sample_fixes
from local.components import Plan
from local.log_errors import is_error
from local.options import TARGETS
from local.supervisor import Supervisor

_TIMEOUT_SECONDS = 120
_EXTERNAL_TIMEOUT_SECONDS = 8  # for a database or storage of the caller's, counted from the first failure
_POLL_SECONDS = 0.1
_RESTART_POLL_SECONDS = 0.5
_MAX_STARTS = 3
_MAX_CAUSE_LENGTH = 500
# Causes that may be transient; every other cause is permanent.
_TRANSIENT_STORAGE_CAUSES = {
    *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError"),
    *("ProxyConnectionError", "SlowDown", "ServiceUnavailable", "InternalError", "500", "502", "503", "504"),
}
_PERMANENT_SQLSTATES = {
    "28P01": "wrong password",
    "28000": "login refused",
    "3D000": "database does not exist",
    "42501": "no permission to read public.locations",
    "42P01": "table public.locations does not exist",
    "42703": "a column of public.locations is missing",
}


class StartupError(Exception):
    """A component did not become ready; the text names it and the last known cause."""


def wait_until_ready(plan: Plan, supervisor: Supervisor, report: Callable[[str], None]) -> None:
    """Return once every component is ready; StartupError otherwise. `report` is called with each step."""
    checks = _StartupChecks(plan, supervisor)
    steps = {"object storage": checks.storage, "all services": checks.services}
    if plan.options.embedded_database:
        steps = {"PostgreSQL": checks.database, **steps}
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    for name, check in steps.items():
        report(f"waiting for {name}")
        while cause := check():
            checks.raise_for_exited_components()
            if time.monotonic() > deadline:
                raise StartupError(f"timed out waiting for {name}: {cause}; see {checks.logs}/")
            time.sleep(_POLL_SECONDS)


class _StartupChecks:
    """The steps of one start; each returns "" once it succeeds, otherwise the cause of its failure."""

    def __init__(self, plan: Plan, supervisor: Supervisor) -> None:
        self._plan, self._options = plan, plan.options
        self._supervisor = supervisor
        self._cluster = postgres.Cluster(plan.options.data_dir.resolve(), ())
        self.logs = plan.options.data_dir / "logs"
        self._offsets = {path: path.stat().st_size for path in self.logs.glob("*.log")}
        self._start_times: dict[str, set[int]] = defaultdict(set)
        self._next_poll = 0.0
        self._first_failures: dict[str, float] = {}

    def raise_for_exited_components(self) -> None:
        """Raise StartupError if supervisord exited, or a component was restarted too often."""
        if not self._supervisor.is_running:
            raise StartupError(f"supervisord exited; see {self.logs}/supervisord.log")
        if time.monotonic() < self._next_poll:
            return
        self._next_poll = time.monotonic() + _RESTART_POLL_SECONDS
        for name, start_time in self._supervisor.start_times().items():
            self._start_times[name].add(start_time)
            if len(self._start_times[name]) > _MAX_STARTS:
                lines = self._log_lines(name)
                errors = [line for line in lines if is_error(line)] or lines[-1:] or ["no output"]
                cause = errors[0].strip()[:_MAX_CAUSE_LENGTH]
                raise StartupError(f"{name} keeps exiting: {cause}; see {self.logs}/{name}.log")

    def database(self) -> str:
        """Check that the embedded PostgreSQL accepts connections, and load the sample fixes."""
        port = self._plan.ports["postgres"]
        if cause := self._cluster.connection_error(port):
            if postgres.AUTHENTICATION_FAILED in cause:
                raise StartupError(
                    f"PostgreSQL in {self._options.data_dir} has another password than the one in credentials/"
                )
            return cause
        with psycopg.connect(postgres.url(self._options.data_dir, port)) as connection:
            sample_fixes.load(connection)
        return ""

    def storage(self) -> str:
        """Check that the object storage is available, and create missing buckets."""
        embedded = self._options.embedded_storage
        admin = object_storage.access_keys(self._options.data_dir, object_storage.ADMIN) if embedded else None
        cause = object_storage.create_buckets(self._plan.settings("calculate"), admin)
        if cause and not embedded:
            if cause not in _TRANSIENT_STORAGE_CAUSES:
                raise StartupError(f"AWS_ENDPOINT_URL_S3: object storage rejected the request: {cause}")
            self._raise_after_timeout("AWS_ENDPOINT_URL_S3: object storage is unavailable", cause)
        return cause

    def services(self) -> str:
        """Check that the gateway is the one of this stack and reports every service ready."""
        error = _gateway_error(self._options.port, self._plan.instance)
        dependency, cause = self._last_failed_check() if error else ("", "")
        if dependency == "database" and not self._options.embedded_database:
            setting = "DATABASE_URL" if self._options.environ.get("DATABASE_URL") else "POSTGRES_HOST"
            if cause in _PERMANENT_SQLSTATES:
                raise StartupError(f"{setting}: database rejected the request: {_PERMANENT_SQLSTATES[cause]} ({cause})")
            self._raise_after_timeout(f"{setting}: database is unavailable", cause)
        return f"{error} ({dependency}: {cause})" if dependency else error

    def _raise_after_timeout(self, message: str, cause: str) -> None:
        """Raise StartupError if this failure was first reported longer ago than the timeout."""
        first = self._first_failures.setdefault(message, time.monotonic())
        if time.monotonic() > first + _EXTERNAL_TIMEOUT_SECONDS:
            raise StartupError(f"{message}: {cause}")

    def _last_failed_check(self) -> tuple[str, str]:
        """Return dependency and cause of the latest failed health check in the functions' logs."""
        last: dict[str, str] = {}
        for line in (line for target in TARGETS for line in self._log_lines(target) if '"check failed"' in line):
            try:
                last = max(last, json.loads(line), key=lambda entry: str(entry.get("time", "")))
            except ValueError:
                continue
        return str(last.get("dependency", "")), str(last.get("cause", ""))

    def _log_lines(self, component: str) -> list[str]:
        """Return what the component has logged since this start."""
        path = self.logs / f"{component}.log"
        if not path.exists():
            return []
        with path.open("rb") as file:
            file.seek(self._offsets.get(path, 0))
            return file.read().decode(errors="replace").splitlines()


def _gateway_error(port: int, instance: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        body = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as exc:
        return f"no response from the gateway ({type(exc).__name__})"
    finally:
        connection.close()
    if response.status != 200:
        return str(body.get("error", {}).get("message", response.status))
    return "" if body.get("instance") == instance else f"another server is listening on port {port}"
