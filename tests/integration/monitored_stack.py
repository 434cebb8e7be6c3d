"""Runs the whole system with an OTLP receiver, and marks everything that telemetry must not contain."""

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from local import object_storage, postgres
from local.options import STORAGE_TARGETS
from local.otlp_receiver import Receiver, run_receiver
from local.stack import Stack, run_stack
from local.telemetry_store import Span
from tests.integration.whole_stack import stack_options

DAY = "2026-02-03"
DEVICE = "watched-phone"
DRIVER_TEXT = f"driver-text-{secrets.token_hex(8)}"
HEADER = f"header-{secrets.token_hex(8)}"
HOME = ("51.4779318", "-0.0014837")
# Unique coordinates, so that a search of the telemetry finds them.
_PLACES = [("48.8583701", "2.2944813"), ("51.1788821", "-1.8262155"), HOME]


@dataclass
class MonitoredStack:
    """The system, its receiver, and the body of every request to the receiver."""

    stack: Stack
    receiver: Receiver
    bodies: list[tuple[str, bytes]] = field(default_factory=list)

    def spans(self, trace_id: str, *names: str) -> list[Span]:
        """Wait until the trace has a span of each name and no more spans arrive, and return its spans."""

        def is_complete(spans: list[Span]) -> bool:
            return set(names) <= {span.name for span in spans}

        spans = self.receiver.store.wait_for_trace(trace_id, is_complete, 30, quiet_period=0.6)
        assert is_complete(spans), [span.name for span in spans]
        return spans

    def logs(self) -> str:
        """Return the logs of all components but PostgreSQL."""
        folder = self.stack.plan.options.data_dir / "logs"
        return "\n".join(
            path.read_text(errors="replace") for path in sorted(folder.glob("*.log")) if path.stem != "postgres"
        )

    @property
    def database(self) -> str:
        return postgres.url(self.stack.plan.options.data_dir, self.stack.plan.ports["postgres"])

    def secrets(self) -> set[str]:
        """Return the secrets of all functions."""
        plan = self.stack.plan
        values = {plan.function_environment(target)["AWS_SECRET_ACCESS_KEY"] for target in STORAGE_TARGETS}
        values.add(object_storage.access_keys(plan.options.data_dir, object_storage.ADMIN)["AWS_SECRET_ACCESS_KEY"])
        values.add(plan.function_environment("calculate")["DATABASE_URL"])
        return values


@contextmanager
def run_monitored_stack(folder: Path) -> Iterator[MonitoredStack]:
    """Run the system in `folder` with a day of marked coordinates in its database."""
    bodies: list[tuple[str, bytes]] = []
    with run_receiver(on_request=lambda signal, body: bodies.append((signal, body))) as receiver:
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_BLRP_SCHEDULE_DELAY": "200",
            "LOG_LEVEL": "DEBUG",
            "HOME_LATITUDE": HOME[0],
            "HOME_LONGITUDE": HOME[1],
        }
        with run_stack(stack_options(DATA_DIR=folder, **settings)) as stack:
            monitored = MonitoredStack(stack, receiver, bodies)
            with psycopg.connect(monitored.database) as connection:
                _fill(connection)
            yield monitored


def _fill(connection: psycopg.Connection) -> None:
    begins = datetime.fromisoformat(DAY).replace(tzinfo=UTC)
    for minute in range(60):
        latitude, longitude = _PLACES[minute % len(_PLACES)]
        at = begins + timedelta(minutes=minute)
        connection.execute(
            'INSERT INTO locations (device_id, latitude, longitude, accuracy, "timestamp", created_at, raw_payload)'
            " VALUES (%s, %s, %s, 10, %s, %s, %s)",
            (DEVICE, latitude, longitude, at, at, json.dumps({"lat": float(latitude)})),
        )


@contextmanager
def failing_reads(database: str) -> Iterator[None]:
    """Make reads of fixes fail with the values of a row in the error text, for the duration of the block."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE locations RENAME TO stored_locations")
        connection.execute(
            "CREATE FUNCTION refused(double precision) RETURNS double precision LANGUAGE plpgsql AS"
            f" $$BEGIN RAISE EXCEPTION '{DRIVER_TEXT} %', $1; END$$"
        )
        columns = 'id, device_id, refused(latitude) AS latitude, longitude, accuracy, velocity, battery, "timestamp"'
        connection.execute(f"CREATE VIEW locations AS SELECT {columns}, created_at FROM stored_locations".encode())
        connection.execute("GRANT SELECT ON locations TO PUBLIC")
        connection.execute("GRANT SELECT ON stored_locations TO PUBLIC")
        try:
            yield
        finally:
            connection.execute("DROP VIEW locations")
            connection.execute("DROP FUNCTION refused")
            connection.execute("ALTER TABLE stored_locations RENAME TO locations")


def coordinates() -> list[str]:
    """Return the marked coordinates, whole and shortened to four decimals."""
    texts = {text for place in _PLACES for text in place}
    return sorted(texts | {re.sub(r"(\.\d{4}).*", r"\1", text) for text in texts})
