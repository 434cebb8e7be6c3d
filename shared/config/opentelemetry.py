"""Validation of OpenTelemetry's variables at start. The SDK reads them in threads, where errors only reach the log."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from shared.config import types
from shared.errors import SettingsError

_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SIGNAL = re.compile(r"OTLP_(TRACES|METRICS|LOGS)_")


def _headers(text: str) -> str:
    for pair in filter(None, map(str.strip, text.split(","))):
        name, _, value = pair.partition("=")
        if not re.fullmatch(_HEADER_NAME, name.strip()) or not re.fullmatch(r"[ -~]+", unquote(value).strip()):
            raise ValueError("expected comma-separated headers as name=value, with percent-encoded values")
    return text


def _attributes(text: str) -> str:
    types.check_line(text)
    if not all(re.fullmatch(r"[^=]*[^=\s][^=]*=.*", pair) for pair in text.split(",")):
        raise ValueError("expected comma-separated attributes as name=value")
    return text


def _exporters(*supported: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not {name.strip() for name in text.lower().split(",")} <= {*supported, "none"}:
            raise ValueError(f"expected {', '.join(supported)} or none")
        return text

    return parse


_milliseconds = types.bounded(types.whole_number, ge=1, le=86_400_000)

# Parsers by names for all signals. Those of one signal are the same, except endpoints, which have no implicit path.
VARIABLES: dict[str, Callable[[str], Any]] = {
    "OTEL_SDK_DISABLED": types.choice("true", "false", normalize=str.lower),
    "OTEL_TRACES_EXPORTER": _exporters("otlp"),
    "OTEL_METRICS_EXPORTER": _exporters("otlp", "prometheus"),
    "OTEL_LOGS_EXPORTER": _exporters("otlp"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": types.base_url,
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": types.web_url,
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": types.web_url,
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": types.web_url,
    "OTEL_EXPORTER_OTLP_PROTOCOL": types.choice("http/protobuf"),
    "OTEL_EXPORTER_OTLP_HEADERS": _headers,
    "OTEL_EXPORTER_OTLP_CERTIFICATE": types.text,
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": types.text,
    "OTEL_EXPORTER_OTLP_CLIENT_KEY": types.text,
    "OTEL_EXPORTER_OTLP_COMPRESSION": types.choice("gzip", "deflate", "none"),
    "OTEL_EXPORTER_OTLP_TIMEOUT": types.bounded(types.number, gt=0, le=3600),
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": types.choice(
        "cumulative", "delta", "lowmemory", normalize=str.lower
    ),
    "OTEL_TRACES_SAMPLER": types.choice(
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
        normalize=str.lower,
    ),
    "OTEL_TRACES_SAMPLER_ARG": types.bounded(types.number, ge=0, le=1),
    "OTEL_SERVICE_NAME": types.text,
    "OTEL_RESOURCE_ATTRIBUTES": _attributes,
    "OTEL_BSP_SCHEDULE_DELAY": _milliseconds,
    "OTEL_BLRP_SCHEDULE_DELAY": _milliseconds,
    "OTEL_METRIC_EXPORT_INTERVAL": _milliseconds,
}


def _parser_of(name: str) -> Callable[[str], Any] | None:
    return VARIABLES.get(name) or VARIABLES.get(_SIGNAL.sub("OTLP_", name))


def check(environ: Mapping[str, str]) -> None:
    """Raise SettingsError for the first invalid variable, unless the SDK is disabled."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return
    for name in environ:
        parse = _parser_of(name)
        text = environ[name].strip()
        if parse is None or not text:
            continue
        try:
            parse(text)
        except ValueError as exc:
            raise SettingsError(f"{name}: {exc}") from None


def check_files(environ: Mapping[str, str]) -> None:
    """Raise SettingsError for a variable whose file does not exist, unless the SDK is disabled."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return
    for name, text in environ.items():
        if text and name.endswith(("_CERTIFICATE", "_CLIENT_KEY")) and _parser_of(name) and not Path(text).is_file():
            raise SettingsError(f"{name}: expected the path of a file")
