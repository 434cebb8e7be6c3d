"""OpenTelemetry's variables: the SDK and its exporters accept each accepted value."""

import logging
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from shared.config.opentelemetry import VARIABLES, check, check_files
from shared.config.settings import read
from shared.errors import SettingsError
from shared.telemetry import export, log_export, provider
from tests.unit.setting_values import Values

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
_ENDPOINTS = Values(
    ["http://otel_collector:4318", "https://otlp.example/", "http://[::1]:4318/otlp"],
    ["otel-collector:4318", "grpc://collector:4317", "http://", "http://collector:port", "http://u:hunter2@collector"],
)
_MILLISECONDS = Values(["1", "60000"], ["0", "-1", "soon", "1.5", "1_000", "inf", "1s"])
_EXPORTERS = Values(["otlp", "none", "OTLP"], ["zipkin", "otlp,jaeger", "console"])
VALUES: dict[str, Values] = {
    "OTEL_SDK_DISABLED": Values(["true", "False"], ["yes", "1"]),
    "OTEL_TRACES_EXPORTER": _EXPORTERS,
    "OTEL_METRICS_EXPORTER": Values(["otlp", "prometheus", "otlp, prometheus", "none"], ["statsd", "otlp;prometheus"]),
    "OTEL_LOGS_EXPORTER": _EXPORTERS,
    "OTEL_EXPORTER_OTLP_ENDPOINT": Values(
        [*_ENDPOINTS.accepted], [*_ENDPOINTS.rejected, "http://collector/?key=hunter2"]
    ),
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": _ENDPOINTS,
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": _ENDPOINTS,
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": _ENDPOINTS,
    "OTEL_EXPORTER_OTLP_PROTOCOL": Values(["http/protobuf"], ["grpc", "http/json", "http"]),
    "OTEL_EXPORTER_OTLP_HEADERS": Values(
        ["api-key=abc", "api-key=a%20b,x-scope=c==,", "Authorization=Basic abc=", "a = b"],
        ["hunter2", "api key=hunter2", "api-key=", "=hunter2", "a=hunter2%0Ab", "a=hunter2\nb", "a:hunter2", "é=x"],
    ),
    "OTEL_EXPORTER_OTLP_CERTIFICATE": Values([__file__], ["/nowhere/\nca.pem"]),
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": Values([__file__], ["/nowhere/\ncert.pem"]),
    "OTEL_EXPORTER_OTLP_CLIENT_KEY": Values([__file__], ["/nowhere/\nkey.pem"]),
    "OTEL_EXPORTER_OTLP_COMPRESSION": Values(["gzip", "deflate", "none"], ["brotli", "gzip, none"]),
    "OTEL_EXPORTER_OTLP_TIMEOUT": Values(["10", "0.5"], ["0", "-1", "soon", "10s", "inf", "nan"]),
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": Values(["delta", "Cumulative", "lowmemory"], ["both"]),
    "OTEL_TRACES_SAMPLER": Values(["always_on", "parentbased_traceidratio", "Traceidratio"], ["sometimes", "0.1"]),
    "OTEL_TRACES_SAMPLER_ARG": Values(["0", "0.1", "1"], ["1.1", "-1", "ten", "10%"]),
    "OTEL_SERVICE_NAME": Values(["distance status", "größe"], ["a\nb", "a\x00b"]),
    "OTEL_RESOURCE_ATTRIBUTES": Values(
        ["deployment.environment.name=home", "a=b,c=d%20e", "a="], ["home", "a=b,c", "a=b,", "=x", "a=b\nc=d"]
    ),
    "OTEL_BSP_SCHEDULE_DELAY": _MILLISECONDS,
    "OTEL_BLRP_SCHEDULE_DELAY": _MILLISECONDS,
    "OTEL_METRIC_EXPORT_INTERVAL": _MILLISECONDS,
}
ACCEPTED = [(name, text) for name, values in VALUES.items() for text in values.accepted]
REJECTED = [(name, text) for name, values in VALUES.items() for text in values.rejected]


def test_each_variable_has_values() -> None:
    assert set(VALUES) == set(VARIABLES)


@pytest.mark.parametrize(("name", "text"), ACCEPTED)
def test_sdk_accepts_accepted_value_without_warning(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other_variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_SAMPLER_ARG": "0.5"}
    environ = other_variables | {name: text}
    read(KEYS | environ, "status")
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)  # the libraries read the environment
    with caplog.at_level(logging.WARNING):
        resource = provider._resource(environ)
        exporters: list[Any] = [export._otlp_spans(), export._otlp_metrics(), log_export._otlp_logs()]
        tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        tracers.add_span_processor(BatchSpanProcessor(export.OtlpSpanExporter()))
        tracers.get_tracer("x").start_span("x")
        tracers.shutdown()
        MeterProvider(export.readers("otlp"), resource, shutdown_on_exit=False).shutdown()
        log_export.handler(resource).close()
        for exporter in exporters:
            requests.Request("POST", exporter._endpoint, headers=exporter._client._headers).prepare()
    # The SDK's reader thread can start to export before the reader is registered, whatever the settings are.
    messages = [record.getMessage() for record in caplog.records]
    assert not [message for message in messages if "until it is registered" not in message]


@pytest.mark.parametrize(("name", "text"), REJECTED)
def test_rejected_value_is_one_line_with_name_but_without_value(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(KEYS | {name: text}, "status")
    line = str(caught.value)
    assert line.startswith(f"{name}: ")
    assert line.isprintable()
    assert "hunter2" not in line


@pytest.mark.parametrize(("name", "text"), ACCEPTED)
def test_white_space_around_value_is_stripped(name: str, text: str) -> None:
    check({name: f"\t{text}\r\n"})
    check({name: " \n"})


@pytest.mark.parametrize("signal", ["TRACES", "METRICS", "LOGS"])
def test_variables_of_one_signal_are_validated(signal: str) -> None:
    for name, text in {"TIMEOUT": "soon", "HEADERS": "hunter2", "PROTOCOL": "grpc", "COMPRESSION": "zip"}.items():
        variable = f"OTEL_EXPORTER_OTLP_{signal}_{name}"
        with pytest.raises(SettingsError, match=f"^{variable}: "):
            check({variable: text})


def test_variables_are_not_validated_if_sdk_is_disabled() -> None:
    check({"OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_TIMEOUT": "soon"})


@pytest.mark.parametrize("name", ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY", "TRACES_CERTIFICATE"])
def test_certificate_must_be_an_existing_file(name: str, tmp_path: Path) -> None:
    path, variable = tmp_path / "ca.pem", f"OTEL_EXPORTER_OTLP_{name}"
    with pytest.raises(SettingsError, match=f"^{variable}: expected the path of a file$"):
        check_files({variable: str(path)})
    check_files({variable: str(path), "OTEL_SDK_DISABLED": "true"})
    path.touch()
    check_files({variable: str(path)})
