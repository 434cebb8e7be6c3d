"""`make observe`: the system, a day's job, and its trace as a waterfall, until Ctrl-C (ONCE=1: until it is shown)."""

import contextlib
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping

from local import demo, options, ports
from local.stack import running
from local.up import REFUSALS, Stopped, stop_on_signals, watch
from local.viewer import waterfall
from local.viewer.kept import Span
from local.viewer.receiver import Receiver, receiving
from shared.errors import SettingsError

_TRACE_WITHIN_SECONDS = 30
_REST_SECONDS = 1.5  # longer than a function waits before it sends
_OTLP_PORT = "4318"  # OTLP's own


def main(environ: Mapping[str, str]) -> int:
    """Run until stopped; the exit code."""
    stop_on_signals()
    console = demo.terminal()
    began = time.monotonic()

    def say(what: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:5.1f} s[/dim]  {what}")

    try:
        with _receiving(environ) as receiver, running(options.read(_watched(environ, receiver.url)), say) as stack:
            found = _of_a_job(stack.url, receiver, say)
            console.print(waterfall.table(found, console.width))
            console.print(f"this trace: {receiver.url}/traces/{found[0].trace_id}")
            console.print(f"all traces: {receiver.url}/   metrics: {receiver.url}/metrics   system: {stack.url}")
            if environ.get("ONCE"):
                return 0
            watch(stack)
    except Stopped:
        return 0
    except (*REFUSALS, demo.NotAsItShould) as exc:
        print(exc, file=sys.stderr)
    return 1


@contextlib.contextmanager
def _receiving(environ: Mapping[str, str]) -> Iterator[Receiver]:
    port = environ.get("OTLP_PORT") or _OTLP_PORT
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise SettingsError("OTLP_PORT: a number from 1 to 65535 is expected")
    if not ports.is_free(int(port)):
        raise SettingsError(f"OTLP_PORT: 127.0.0.1:{port} is taken")
    with receiving(int(port)) as receiver:
        yield receiver


def _watched(environ: Mapping[str, str], url: str) -> dict[str, str]:
    """The environment of a system that sends everything to `url`, whatever the caller's OTEL_ variables say."""
    others = {name: text for name, text in options.open_door(environ).items() if not name.startswith("OTEL_")}
    quick = {"OTEL_LOGS_EXPORTER": "otlp", "OTEL_METRIC_EXPORT_INTERVAL": "2000"}
    return {**others, **quick, "OTEL_EXPORTER_OTLP_ENDPOINT": url}


def _of_a_job(url: str, receiver: Receiver, say: Callable[[str], None]) -> list[Span]:
    say("submitting a day")
    job = demo.ended(demo.submitted(url), say)
    say("waiting for its trace")
    found = receiver.trace(str(job["job_trace_id"]), _across_services, _TRACE_WITHIN_SECONDS, _REST_SECONDS)
    if not _across_services(found):
        raise demo.NotAsItShould(f"the job's trace has not come whole: {len(found)} spans")
    return found


def _across_services(spans: list[Span]) -> bool:
    return len({span.service for span in spans}) > 1
