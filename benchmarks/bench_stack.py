"""The system under test: a local stack in a temporary folder, days of sample fixes, and separate functions."""

import contextlib
import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import LiteralString

import psycopg

from benchmarks.process_usage import peak_mb
from local import object_storage, options, postgres, stack
from local.ports import find_free_port
from shared.config import settings
from shared.storage.bucket import Bucket, client

ROOT = Path(__file__).resolve().parent.parent
_HELLO_SOURCE = ROOT / "benchmarks" / "hello.py"
HELLO = ["--log-level", "warning", f"functions_framework:create_app('hello', '{_HELLO_SOURCE}')"]
_READY_WITHIN_SECONDS = 30
# Two days apart, so that no day is the context of another.
_DAYS = {
    10: date(2025, 3, 2),
    1_450: date(2025, 3, 4),
    10_000: date(2025, 3, 6),
    1_000_000: date(2025, 3, 8),
    5_000_000: date(2025, 3, 10),
}
PHONE_FIXES = 1_000_000
_PHONE_DAYS = {  # by the number of phones and of fixes
    (1, 1_450): date(2025, 3, 16),
    (1, PHONE_FIXES): date(2025, 3, 12),
    (100, PHONE_FIXES): date(2025, 3, 14),
}

# Two alternating devices, sometimes away from home, spread evenly over the day.
_INSERT_FIXES = """
INSERT INTO public.locations (device_id, tid, latitude, longitude, accuracy, altitude, velocity, battery,
                              battery_status, connection_type, trigger, "timestamp", created_at)
SELECT CASE WHEN n %% 2 = 0 THEN 'iphone_stuart' ELSE 'garmin' END, 'xx',
       40.736097 + 0.02 * sin(n / 5000.0) + 1e-5 * (n %% 97), -74.039373 + 0.02 * cos(n / 7000.0) + 1e-5 * (n %% 89),
       4 + n %% 60, 12, n %% 110, CASE WHEN n %% 33 = 0 THEN NULL ELSE n %% 101 END, 1, 'm', 't',
       at - interval '700 milliseconds', at
FROM (SELECT n, %(day)s::timestamptz + n * (interval '86399 seconds' / %(count)s::int) AS at
      FROM generate_series(0, %(count)s::int - 1) n) fixes
"""
# Phones that report in turn. Each rests at home, and every six hours it moves for 80 minutes, up to 12 km away and
# back, at most at 28 km/h. The noise of their positions is a drift of 4 m, and 1.5 m from fix to fix.
_INSERT_PHONES = """
INSERT INTO public.locations (device_id, tid, latitude, longitude, accuracy, altitude, velocity, battery,
                              battery_status, connection_type, trigger, "timestamp", created_at)
SELECT 'phone-' || phone, 'xx',
       40.736097 + (km * sin(angle) + 0.004 * sin(seconds / 37) + 3e-6 * (n %% 1000 * 919 %% 1000 - 500)) / 111.2,
       -74.039373 + (km * cos(angle) + 0.004 * cos(seconds / 53) + 3e-6 * (n %% 1000 * 701 %% 1000 - 500)) / 84.3,
       5 + n * 7 %% 16, 12, 0, 80, 1, 'm', 't', at, at
FROM (SELECT *, 12 * sin(pi() * least(seconds - 21600 * cycle, 4800) / 4800) AS km, 2.4 * (cycle + phone) AS angle
      FROM (SELECT *, floor(seconds / 21600) AS cycle
            FROM (SELECT n, n %% %(phones)s::int AS phone, at,
                         extract(epoch FROM at - %(day)s)::float8 + n %% %(phones)s::int * 977 AS seconds
                  FROM (SELECT n, %(day)s::timestamptz + n * (interval '86399 seconds' / %(count)s::int) AS at
                        FROM generate_series(0, %(count)s::int - 1) n) times) phones) cycles) moves
"""


@dataclass(frozen=True)
class BenchStack:
    """A running stack and its folder."""

    running: stack.Stack
    folder: Path

    @property
    def superuser(self) -> str:
        """URL of the database, for inserts and for psql."""
        return postgres.url(self.folder, self.running.plan.ports["postgres"])

    def port(self, part: str) -> int:
        return self.running.plan.ports[part]

    def environment(self, target: str, bucket: str | None = None) -> dict[str, str]:
        """Return the stack's environment of `target`. With `bucket`, its jobs are separate from the stack's."""
        environment = self.running.plan.function_environment(target)
        if bucket is None:
            return environment
        environment |= {"JOBS_BUCKET": bucket, **object_storage.access_keys(self.folder, object_storage.ADMIN)}
        return environment

    def settings(self, target: str, bucket: str | None = None) -> settings.Settings:
        """Return the same as settings, and create the buckets."""
        loaded = settings.read(self.environment(target, bucket), target)
        admin = object_storage.access_keys(self.folder, object_storage.ADMIN)
        os.environ.update(admin)  # credentials of the S3 clients in this process
        deadline = time.monotonic() + _READY_WITHIN_SECONDS
        while object_storage.create_buckets(loaded, admin):
            if time.monotonic() > deadline:
                raise TimeoutError("object storage")
            time.sleep(0.05)
        return loaded

    @property
    def s3_url(self) -> str:
        return self.environment("submit")["AWS_ENDPOINT_URL_S3"]

    def bucket(self, name: str, endpoint: str | None = None) -> Bucket:
        """Return the bucket `name` with all rights, and create it. `endpoint` defaults to the S3 server."""
        loaded = self.settings("calculate", name)
        return Bucket(client(replace(loaded, AWS_ENDPOINT_URL_S3=endpoint or self.s3_url)), name)

    def day(self, count: int) -> date:
        """Return a day with `count` fixes of two devices, which the first call inserts."""
        return self._insert(_DAYS[count], count, _INSERT_FIXES)

    def phones_day(self, phones: int, count: int = PHONE_FIXES) -> date:
        """Return a day with `count` fixes of phones, which the first call inserts."""
        return self._insert(_PHONE_DAYS[phones, count], count, _INSERT_PHONES, phones=phones)

    def _insert(self, day: date, count: int, statement: LiteralString, **parameters: int) -> date:
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            interval = {"start": start, "end": start + timedelta(days=1)}
            query = "SELECT count(*) FROM public.locations WHERE created_at >= %(start)s AND created_at < %(end)s"
            row = connection.execute(query, interval).fetchone()
            if row != (count,):
                connection.execute(statement, {"day": start, "count": count, **parameters})
                connection.execute("VACUUM ANALYZE public.locations")
        return day


@contextlib.contextmanager
def start() -> Iterator[BenchStack]:
    """Run a stack on free ports in a temporary folder, without the settings of this process's environment."""
    names = (*settings.SETTING_NAMES, "SUBSCRIBER")
    environ = {name: text for name, text in os.environ.items() if name not in names and not name.startswith("AWS_")}
    with tempfile.TemporaryDirectory(prefix="otel-worker-bench-") as folder:
        stack_options = options.read({**environ, "PORT": str(find_free_port()), "DATA_DIR": folder})
        with stack.run_stack(stack_options) as running:
            yield BenchStack(running, Path(folder))


@dataclass(frozen=True)
class FunctionServer:
    """A function in its own gunicorn: the port and the process id of the worker."""

    port: int
    worker: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def peak_mb(self) -> float:
        return peak_mb(self.worker)


@contextlib.contextmanager
def serve_function(environment: dict[str, str], target: str, source: str) -> Iterator[FunctionServer]:
    """Run the function `target` of the file `source` with the configuration of the image."""
    function = {"FUNCTION_TARGET": target, "FUNCTION_SOURCE": source}
    with gunicorn(["-c", "gunicorn.conf.py", "functions_framework:create_app()"], environment | function) as server:
        yield server


@contextlib.contextmanager
def serve_hello(folder: Path) -> Iterator[FunctionServer]:
    """Run the no-op function as anyone would; gunicorn reads a gunicorn.conf.py in `folder` if there is one."""
    with gunicorn(HELLO, {}, folder) as server:
        yield server


@contextlib.contextmanager
def gunicorn(arguments: list[str], environment: Mapping[str, str], folder: Path = ROOT) -> Iterator[FunctionServer]:
    """Run gunicorn on a free port. The block starts when it responds."""
    with start_gunicorn(arguments, environment, folder) as (port, master):
        _wait_until_healthy(port, master)
        (worker,) = Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text(encoding="ascii").split()
        yield FunctionServer(port, int(worker))


@contextlib.contextmanager
def start_gunicorn(
    arguments: list[str], environment: Mapping[str, str], folder: Path = ROOT
) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """Start gunicorn in `folder` as a process group of its own, and yield its port and its master at once."""
    port = find_free_port()
    inherited = {name: text for name, text in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    address = {"BIND_HOST": "127.0.0.1", "PORT": str(port), "PYTHONPATH": str(ROOT), "LOG_LEVEL": "WARNING"}
    command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", *arguments]
    environment = {**inherited, **environment, **address}
    master = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, process_group=0)
    try:
        yield port, master
    finally:
        master.terminate()
        try:
            master.wait(10)
        finally:
            master.kill()
            master.wait()


def _wait_until_healthy(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _READY_WITHIN_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    raise TimeoutError(f"no response on port {port}")
