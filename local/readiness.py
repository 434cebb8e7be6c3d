"""Waiting until every part answers; what cannot get better ends the wait within seconds, with its cause."""

import http.client
import json
import time
from collections import defaultdict
from collections.abc import Callable

import psycopg

from local import object_storage, postgres, sample_fixes
from local.options import TARGETS
from local.parts import Plan
from local.problems import is_problem
from local.supervision import Supervisor

_OWN_WITHIN_SECONDS = 120
_GIVEN_WITHIN_SECONDS = 8  # for what is not started here, from its first failure on
_LOOK_SECONDS = 0.1
_STARTS_SECONDS = 0.5  # between two looks at how often the parts were started
_MOST_STARTS = 3
_LONGEST_CAUSE = 500
# Causes of storage that may pass by themselves; every other one is an answer.
_STORAGE_IS_AWAY = {
    *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError"),
    *("ProxyConnectionError", "SlowDown", "ServiceUnavailable", "InternalError", "500", "502", "503", "504"),
}
_DATABASE_REFUSALS = {
    "28P01": "wrong password",
    "28000": "login refused",
    "3D000": "no such database",
    "42501": "no right to read public.locations",
    "42P01": "no table public.locations",
    "42703": "a column of public.locations is missing",
}


class NotReady(Exception):
    """A part did not come up; the text names it, and the last cause that is known."""


def wait(plan: Plan, supervisor: Supervisor, say: Callable[[str], None]) -> None:
    """Return once every part answers, or raise NotReady; `say` is told what is being waited for."""
    waiting = _Waiting(plan, supervisor)
    steps = {"object storage": waiting.storage, "every part's answer": waiting.answers}
    if plan.options.own_database:
        steps = {"PostgreSQL": waiting.database, **steps}
    deadline = time.monotonic() + _OWN_WITHIN_SECONDS
    for name, problem in steps.items():
        say(f"waiting for {name}")
        while cause := problem():
            waiting.check_parts()
            if time.monotonic() > deadline:
                raise NotReady(f"{name} did not come: {cause}; {waiting.logs}/ says more")
            time.sleep(_LOOK_SECONDS)


class _Waiting:
    """The steps of one start; each returns "" when it is done, or why it is not."""

    def __init__(self, plan: Plan, supervisor: Supervisor) -> None:
        self._plan, self._options = plan, plan.options
        self._supervisor = supervisor
        self._cluster = postgres.Cluster(plan.options.data_dir.resolve(), ())
        self.logs = plan.options.data_dir / "logs"
        self._offsets = {path: path.stat().st_size for path in self.logs.glob("*.log")}
        self._starts: dict[str, set[int]] = defaultdict(set)
        self._next_look = 0.0
        self._first_failures: dict[str, float] = {}

    def check_parts(self) -> None:
        """NotReady if supervisord has ended, or a part ends again and again."""
        if not self._supervisor.alive:
            raise NotReady(f"supervisord ended: {self.logs}/supervisord.log says why")
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _STARTS_SECONDS
        for name, start in self._supervisor.starts().items():
            self._starts[name].add(start)
            if len(self._starts[name]) > _MOST_STARTS:
                lines = self._lines(name)
                problems = [line for line in lines if is_problem(line)] or lines[-1:] or ["it writes nothing"]
                cause = problems[0].strip()[:_LONGEST_CAUSE]
                raise NotReady(f"{name} ends again and again: {cause}; {self.logs}/{name}.log says more")

    def database(self) -> str:
        """Our own PostgreSQL answers, and has the sample fixes."""
        port = self._plan.ports["postgres"]
        if problem := self._cluster.problem(port):
            if postgres.REFUSED in problem:
                raise NotReady(f"PostgreSQL in {self._options.data_dir} has another password than credentials/ there")
            return problem
        with psycopg.connect(postgres.url(self._options.data_dir, port)) as connection:
            sample_fixes.load(connection)
        return ""

    def storage(self) -> str:
        """The object storage answers, and has the buckets."""
        own = self._options.own_storage
        admin = object_storage.keys(self._options.data_dir, object_storage.ADMIN) if own else None
        cause = object_storage.problem(self._plan.settings("calculate"), admin)
        if cause and not own:
            if cause not in _STORAGE_IS_AWAY:
                raise NotReady(f"AWS_ENDPOINT_URL_S3: the storage there refuses: {cause}")
            self._limit("AWS_ENDPOINT_URL_S3: no storage answers there", cause)
        return cause

    def answers(self) -> str:
        """The gateway is ours, and finds every part ready."""
        problem = _gateway_problem(self._options.port, self._plan.instance)
        dependency, cause = self._failed_check() if problem else ("", "")
        if dependency == "database" and not self._options.own_database:
            setting = "DATABASE_URL" if self._options.environ.get("DATABASE_URL") else "POSTGRES_HOST"
            if cause in _DATABASE_REFUSALS:
                raise NotReady(f"{setting}: the database there refuses: {_DATABASE_REFUSALS[cause]} ({cause})")
            self._limit(f"{setting}: the database there cannot be used", cause)
        return f"{problem} ({dependency}: {cause})" if dependency else problem

    def _limit(self, what: str, cause: str) -> None:
        """NotReady once `what` has failed for as long as it may."""
        first = self._first_failures.setdefault(what, time.monotonic())
        if time.monotonic() > first + _GIVEN_WITHIN_SECONDS:
            raise NotReady(f"{what}: {cause}")

    def _failed_check(self) -> tuple[str, str]:
        """The dependency and the cause of the last check that a function has logged as failed."""
        last: dict[str, str] = {}
        for line in (line for target in TARGETS for line in self._lines(target) if '"check failed"' in line):
            try:
                last = max(last, json.loads(line), key=lambda entry: str(entry.get("time", "")))
            except ValueError:
                continue
        return str(last.get("dependency", "")), str(last.get("cause", ""))

    def _lines(self, part: str) -> list[str]:
        """What `part` has logged since this start."""
        path = self.logs / f"{part}.log"
        if not path.exists():
            return []
        with path.open("rb") as file:
            file.seek(self._offsets.get(path, 0))
            return file.read().decode(errors="replace").splitlines()


def _gateway_problem(port: int, instance: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as exc:
        return f"no answer from the gateway ({type(exc).__name__})"
    finally:
        connection.close()
    if answer.status != 200:
        return str(body.get("error", {}).get("message", answer.status))
    return "" if body.get("instance") == instance else f"another server answers on port {port}"
