"""The components of a stack: command and environment of each process, in the order of their start."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local import object_storage, postgres
from local.environment import NO_AWS_FILES
from local.gateway.app import SERVICES
from local.options import STORAGE_TARGETS, TARGETS, Options
from local.supervisor import Component
from shared.config import settings

_ROOT = Path(__file__).resolve().parent.parent
_GRACE_SECONDS = 25  # the default here is shorter than in a cluster: Ctrl-C waits for it
_GUNICORN_SHUTDOWN_SECONDS = 5  # from the end of the grace period until gunicorn has stopped its worker
PORTS = ("supervisor", "postgres", *object_storage.PORTS, *SERVICES)


@dataclass(frozen=True)
class Plan:
    """The configuration of one stack: its options, a port for each of PORTS, and an id of this run."""

    options: Options
    ports: Mapping[str, int]
    instance: str

    def address(self, component: str) -> str:
        return f"127.0.0.1:{self.ports[component]}"

    def function_environment(self, target: str) -> dict[str, str]:
        """Return the settings of a function: the caller's, and the addresses of embedded servers and the broker."""
        data_dir = self.options.data_dir
        environment = self.options.function_environment(target)
        if self.options.embedded_storage:
            if target in STORAGE_TARGETS:
                environment |= object_storage.access_keys(data_dir, target)
            environment["AWS_ENDPOINT_URL_S3"] = f"http://{self.address('s3')}"
            environment |= NO_AWS_FILES
        if target == "calculate" and self.options.embedded_database:
            environment["DATABASE_URL"] = postgres.url(data_dir, self.ports["postgres"], postgres.READER)
        environment.setdefault("GRACE_SECONDS", str(_GRACE_SECONDS))
        if target in ("submit", "calculate"):
            environment.setdefault("K_SINK", f"http://{self.address('broker')}/")
        return environment

    def settings(self, target: str) -> settings.Settings:
        """Return the same settings, parsed; SettingsError names an invalid one."""
        return settings.read(self.function_environment(target), target)

    def components(self) -> list[Component]:
        return [*self._servers(), self._broker(), *map(self._function, TARGETS), self._gateway()]

    def _servers(self) -> list[Component]:
        data_dir = self.options.data_dir
        servers = []
        if self.options.embedded_database:
            command = postgres.prepare(data_dir).command(self.ports["postgres"])
            servers.append(Component("postgres", command, postgres.environment(), stop_signal="INT", stop_seconds=30))
        if self.options.embedded_storage:
            buckets = self.settings("submit")
            object_storage.prepare(data_dir, buckets.JOBS_BUCKET, buckets.CSV_BUCKET)
            command = object_storage.command(data_dir, self.ports)
            # On SIGTERM the server waits 15 s for a stream to itself. Writes that it has acknowledged are in the
            # kernel's page cache and survive SIGKILL.
            servers.append(Component("s3", command, object_storage.environment(), stop_signal="KILL", folder=data_dir))
        return servers

    def _broker(self) -> Component:
        environment = {
            "QUEUE": str(self.options.data_dir / "broker.sqlite3"),
            "CALCULATE_URL": f"http://{self.address('calculate')}",
            "OTEL_SERVICE_NAME": "broker",
        } | ({"SUBSCRIBER": self.options.subscriber} if self.options.subscriber else {})
        return Component("broker", _gunicorn("local.broker.app:from_environ()", self.ports["broker"]), environment)

    def _function(self, target: str) -> Component:
        environment = {
            **self.function_environment(target),
            "FUNCTION_TARGET": target,
            "FUNCTION_SOURCE": TARGETS[target],
            "BIND_HOST": "127.0.0.1",
            "PORT": str(self.ports[target]),
            "PYTHONPATH": str(_ROOT),
        }
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "functions_framework:create_app()"]
        stop_seconds = self.settings(target).GRACE_SECONDS + _GUNICORN_SHUTDOWN_SECONDS
        return Component(target, command, environment, stop_seconds=stop_seconds, group="functions")

    def _gateway(self) -> Component:
        environment = {f"{service.upper()}_ADDRESS": self.address(service) for service in SERVICES}
        command = _gunicorn("local.gateway.app:from_environ()", self.options.port)
        return Component("gateway", command, {**environment, "INSTANCE": self.instance, "OTEL_SERVICE_NAME": "gateway"})


def _gunicorn(application: str, port: int) -> list[str]:
    command = [sys.executable, "-m", "gunicorn", "-c", "python:local.gunicorn_config"]
    return [*command, "-b", f"127.0.0.1:{port}", application]
