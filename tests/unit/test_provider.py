"""Where telemetry goes: nowhere unless a deployment says where to, and never in the way."""

import subprocess
import sys

import pytest

from shared.telemetry import provider
from shared.telemetry.provider import exporter

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
_START = """
import os, sys
from shared.telemetry import metrics, provider, spans
provider.start()
with spans.span("x") as span:
    metrics.ERRORS.add(labels={"error.type": "worker"})
print(span.is_recording,
    metrics.ERRORS.instrument is not None, *sorted({name.partition(".")[0] + "." + name.split(".")[1]
    for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "prometheus_client."))}))
"""


@pytest.mark.parametrize(
    ("environ", "signal", "how"),
    [
        ({}, "TRACES", ""),
        (COLLECTOR, "TRACES", "otlp"),
        (COLLECTOR, "METRICS", "otlp"),
        (COLLECTOR, "LOGS", ""),
        (COLLECTOR | {"OTEL_LOGS_EXPORTER": "otlp"}, "LOGS", "otlp"),
        (COLLECTOR | {"OTEL_TRACES_EXPORTER": "none"}, "TRACES", ""),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a"}, "TRACES", "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a"}, "METRICS", ""),
        ({"OTEL_METRICS_EXPORTER": "prometheus"}, "METRICS", "prometheus"),
        (COLLECTOR | {"OTEL_METRICS_EXPORTER": "otlp, prometheus"}, "METRICS", "otlp,prometheus"),
        (COLLECTOR | {"OTEL_TRACES_EXPORTER": "prometheus,zipkin"}, "TRACES", ""),
    ],
)
def test_a_signal_is_exported_where_it_has_somewhere_to_go(environ: dict[str, str], signal: str, how: str) -> None:
    assert exporter(environ, signal) == how


_SAMPLED = """
from shared.telemetry import context, provider, spans
provider.start()
caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"
for headers in ({}, {"traceparent": caller + "0"}, {"traceparent": caller + "1"}):
    with spans.span("x", within=context.trace_of(headers)) as span:
        print(span.trace.flags & 1, end="")
"""


def started(program: str = _START, **environ: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": ".", **environ}, capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


@pytest.mark.parametrize("environ", [{}, COLLECTOR | {"OTEL_SDK_DISABLED": "true"}])
def test_what_is_off_is_not_even_imported(environ: dict[str, str]) -> None:
    assert started(**environ) == "False False"


def test_what_is_on_loads_the_exporter_when_there_is_something_to_export() -> None:
    quick = {"OTEL_BSP_SCHEDULE_DELAY": "60000", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    told = started(**COLLECTOR, **quick, OTEL_METRICS_EXPORTER="none")
    assert told == "True False opentelemetry.sdk"


@pytest.mark.parametrize(
    ("sampler", "kept"),
    [("", "101"), ("always_off", "000"), ("parentbased_always_off", "001"), ("parentbased_traceidratio", "001")],
)
def test_opentelemetrys_own_sampler_says_which_traces_are_kept(sampler: str, kept: str) -> None:
    asked = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": "0"} if sampler else {}
    assert started(_SAMPLED, **COLLECTOR, OTEL_METRICS_EXPORTER="none", OTEL_EXPORTER_OTLP_TIMEOUT="1", **asked) == kept


def test_prometheus_alone_needs_no_collector() -> None:
    assert started(OTEL_METRICS_EXPORTER="prometheus").startswith("False True")


def test_what_goes_wrong_is_a_line_in_the_log_without_its_text(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> None:
        raise ValueError("secret")

    monkeypatch.setattr(provider, "_trace", broken)
    provider.start({**COLLECTOR, "OTEL_METRICS_EXPORTER": "none"})
    (line,) = caplog.records
    assert (line.message, line.__dict__["cause"]) == ("telemetry is off", "ValueError")
    assert "secret" not in caplog.text


def test_nothing_that_is_off_can_be_scraped_or_flushed_or_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "_exports", provider._Exports())
    provider.flush_soon()
    provider.stop()
    assert provider.scraped() is None
