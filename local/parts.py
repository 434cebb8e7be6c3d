"""What runs: each part's command and environment, in the order of their start."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local import object_storage, postgres
from local.environment import NO_AWS_FILES
from local.gateway.app import SERVICES
from local.options import TARGETS, Options
from local.supervision import Part
from shared.config import settings

_ROOT = Path(__file__).resolve().parent.parent
_GRACE_SECONDS = 25  # whoever stops the system waits for it
_AFTER_GRACE_SECONDS = 5  # then gunicorn has ended its worker
PORTS = ("supervisor", "postgres", *object_storage.PORTS, *SERVICES)


@dataclass(frozen=True)
class Plan:
    """One stack before anything runs: its options, its ports by name, its PostgreSQL unless another is read."""

    options: Options
    ports: Mapping[str, int]
    instance: str

    def address(self, part: str) -> str:
        return f"127.0.0.1:{self.ports[part]}"

    def function(self, target: str) -> dict[str, str]:
        """The settings of one function: what the caller gave, and our own parts where nothing else is given."""
        data_dir = self.options.data_dir
        environment = self.options.for_function(target)
        if self.options.own_storage:
            environment |= object_storage.keys(data_dir, target)
            environment["AWS_ENDPOINT_URL_S3"] = f"http://{self.address('s3')}"
            environment |= NO_AWS_FILES
        if target == "calculate" and self.options.own_database:
            environment["DATABASE_URL"] = postgres.url(data_dir, self.ports["postgres"], postgres.READER)
        environment.setdefault("GRACE_SECONDS", str(_GRACE_SECONDS))
        if target in ("submit", "calculate"):
            environment.setdefault("K_SINK", f"http://{self.address('broker')}/")
        return environment

    def settings(self, target: str) -> settings.Settings:
        """The same as the function will read them; SettingsError names a bad one."""
        return settings.read(self.function(target), target)

    def parts(self) -> list[Part]:
        return [*self._stores(), self._broker(), *map(self._function, TARGETS), self._gateway()]

    def _stores(self) -> list[Part]:
        data_dir = self.options.data_dir
        stores = []
        if self.options.own_database:
            command = postgres.prepare(data_dir).command(self.ports["postgres"])
            stores.append(Part("postgres", command, postgres.environment(), stop_signal="INT", stop_seconds=30))
        if self.options.own_storage:
            buckets = self.settings("submit")
            object_storage.prepare(data_dir, buckets.JOBS_BUCKET, buckets.CSV_BUCKET)
            # Its orderly end waits 15 s for a stream to itself; what it has answered lies with the kernel already.
            command = object_storage.command(data_dir, self.ports)
            stores.append(Part("s3", command, object_storage.environment(), stop_signal="KILL", folder=data_dir))
        return stores

    def _broker(self) -> Part:
        environment = {
            "QUEUE": str(self.options.data_dir / "broker.sqlite3"),
            "CALCULATE_URL": f"http://{self.address('calculate')}",
            "OTEL_SERVICE_NAME": "broker",
        } | ({"SUBSCRIBER": self.options.subscriber} if self.options.subscriber else {})
        return Part("broker", _gunicorn("local.broker.app:from_environ()", self.ports["broker"]), environment)

    def _function(self, target: str) -> Part:
        environment = {
            **self.function(target),
            "FUNCTION_TARGET": target,
            "FUNCTION_SOURCE": TARGETS[target],
            "BIND_HOST": "127.0.0.1",
            "PORT": str(self.ports[target]),
        }
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "functions_framework:create_app()"]
        stop_seconds = self.settings(target).GRACE_SECONDS + _AFTER_GRACE_SECONDS
        environment["PYTHONPATH"] = str(_ROOT)
        return Part(target, command, environment, stop_seconds=stop_seconds, group="functions")

    def _gateway(self) -> Part:
        environment = {f"{service.upper()}_ADDRESS": self.address(service) for service in SERVICES}
        command = _gunicorn("local.gateway.app:from_environ()", self.options.port)
        return Part("gateway", command, {**environment, "INSTANCE": self.instance, "OTEL_SERVICE_NAME": "gateway"})


def _gunicorn(application: str, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "gunicorn", "-c", "python:local.gunicorn_config"),
        "-b",
        f"127.0.0.1:{port}",
        application,
    ]
