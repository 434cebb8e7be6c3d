"""Export of telemetry: disabled without an endpoint, and never an obstacle to the function."""

import subprocess
import sys

import pytest

from shared.telemetry import provider
from shared.telemetry.provider import exporters_of

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
    ("environ", "signal", "exporters"),
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
def test_exporters_of_signal(environ: dict[str, str], signal: str, exporters: str) -> None:
    assert exporters_of(environ, signal) == exporters


_SAMPLED = """
from shared.telemetry import context, provider, spans
provider.start()
caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"
for headers in ({}, {"traceparent": caller + "0"}, {"traceparent": caller + "1"}):
    with spans.span("x", within=context.trace_of(headers)) as span:
        print(span.trace.flags & 1, end="")
"""


def run_program(program: str = _START, **environ: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": ".", **environ}, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


@pytest.mark.parametrize("environ", [{}, COLLECTOR | {"OTEL_SDK_DISABLED": "true"}])
def test_disabled_telemetry_imports_no_sdk(environ: dict[str, str]) -> None:
    assert run_program(**environ) == "False False"


def test_exporter_is_not_imported_before_the_first_batch() -> None:
    settings = {"OTEL_BSP_SCHEDULE_DELAY": "60000", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    output = run_program(**COLLECTOR, **settings, OTEL_METRICS_EXPORTER="none")
    assert output == "True False opentelemetry.sdk"


@pytest.mark.parametrize(
    ("sampler", "sampled"),
    [("", "101"), ("always_off", "000"), ("parentbased_always_off", "001"), ("parentbased_traceidratio", "001")],
)
def test_configured_sampler_applies(sampler: str, sampled: str) -> None:
    settings = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": "0"} if sampler else {}
    assert (
        run_program(_SAMPLED, **COLLECTOR, OTEL_METRICS_EXPORTER="none", OTEL_EXPORTER_OTLP_TIMEOUT="1", **settings)
        == sampled
    )


def test_prometheus_exporter_needs_no_endpoint() -> None:
    assert run_program(OTEL_METRICS_EXPORTER="prometheus").startswith("False True")


def test_failed_start_is_logged_without_exception_text(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise ValueError("secret")

    monkeypatch.setattr(provider, "_start_traces", fail)
    provider.start({**COLLECTOR, "OTEL_METRICS_EXPORTER": "none"})
    (record,) = caplog.records
    assert (record.message, record.__dict__["cause"]) == ("telemetry is off", "ValueError")
    assert "secret" not in caplog.text


def test_flush_and_stop_without_exporters_have_no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "_pipelines", provider._Pipelines())
    provider.flush_soon()
    provider.stop()
    assert provider.prometheus_text() is None
