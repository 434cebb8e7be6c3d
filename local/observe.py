"""`make observe`: run the system, and print the trace of each job as a waterfall, until Ctrl-C.

A first job is submitted at start. With ONCE=1 the command exits after its trace.
"""

import sys
import time
from collections.abc import Callable, Mapping

from rich.console import Console

from local import demo, options, waterfall
from local.otlp_receiver import run_receiver
from local.stack import run_stack
from local.telemetry_store import Span, TelemetryStore
from local.up import STARTUP_ERRORS, StopRequested, print_errors, stop_on_signals

_TRACE_TIMEOUT_SECONDS = 30
_QUIET_SECONDS = 1.5  # longer than the functions' export interval
_JOB_SPAN = "distance.calculate"


def main(environ: Mapping[str, str]) -> int:
    """Run until stopped; return the exit code."""
    stop_on_signals()
    console = demo.create_console()
    started = time.monotonic()

    def report(step: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:5.1f} s[/dim]  {step}")

    try:
        with (
            run_receiver() as receiver,
            run_stack(options.read(_telemetry_environment(environ, receiver.url)), report) as stack,
        ):
            traces = _TracePrinter(receiver.store, console)
            traces.print(_run_job(stack.url, report), min_services=2)
            if environ.get("ONCE"):
                return 0
            console.print(f"submit more jobs to {stack.url} to see their traces here; Ctrl-C stops the system")
            print_errors(stack, traces.print_new)
    except StopRequested:
        return 0
    except (*STARTUP_ERRORS, demo.UnexpectedResponse) as exc:
        print(exc, file=sys.stderr)
    return 1


def _telemetry_environment(environ: Mapping[str, str], endpoint: str) -> dict[str, str]:
    """Return the environment of a system that exports traces to `endpoint`, without the caller's OTEL_ variables."""
    settings = options.without_authentication(environ)
    settings = {name: text for name, text in settings.items() if not name.startswith("OTEL_")}
    return {**settings, "OTEL_METRICS_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}


def _run_job(url: str, report: Callable[[str], None]) -> str:
    """Run one job to completion and return its trace id."""
    report("submitting a job")
    job = demo.wait_for_completion(demo.submit_job(url), report)
    report("waiting for its trace")
    return str(job["job_trace_id"])


class _TracePrinter:
    """Prints each trace once."""

    def __init__(self, store: TelemetryStore, console: Console) -> None:
        self._store = store
        self._console = console
        self._printed: set[str] = set()

    def print(self, trace_id: str, min_services: int = 1) -> None:
        """Wait for spans of `min_services` services and print the trace; UnexpectedResponse after the timeout."""

        def is_complete(spans: list[Span]) -> bool:
            return len({span.service for span in spans}) >= min_services

        self._printed.add(trace_id)
        spans = self._store.wait_for_trace(trace_id, is_complete, _TRACE_TIMEOUT_SECONDS, _QUIET_SECONDS)
        if not is_complete(spans):
            raise demo.UnexpectedResponse(f"the job's trace is incomplete: {len(spans)} spans")
        self._console.print(f"trace {trace_id}")
        self._console.print(waterfall.table(spans, self._console.width))

    def print_new(self) -> None:
        """Print the traces of the jobs calculated since the last call."""
        jobs = [span.trace_id for span in self._store.spans() if span.name == _JOB_SPAN]
        for trace_id in dict.fromkeys(jobs):
            if trace_id not in self._printed:
                self.print(trace_id)
