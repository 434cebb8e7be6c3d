"""Validation of OpenTelemetry's variables at start. The SDK reads them in threads, where errors only reach the log."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from shared.config import types
from shared.errors import SettingsError

_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SIGNAL = re.compile(r"OTLP_(TRACES|METRICS|LOGS)_")


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


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


def _exporters(supported: tuple[str, ...], text: str) -> str:
    if not {name.strip() for name in text.lower().split(",")} <= {*supported, "none"}:
        raise ValueError(f"expected {', '.join(supported)} or none")
    return text


_Milliseconds = Annotated[types.Integer, Field(ge=1, le=86_400_000)]
_Exporter = Annotated[str, AfterValidator(partial(_exporters, ("otlp",)))]
_Lower = BeforeValidator(_lower)

# Names for all signals. Variables of one signal have the same types, except endpoints, which have no implicit path.
VARIABLES: dict[str, Any] = {
    "OTEL_SDK_DISABLED": Annotated[Literal["true", "false"], _Lower],
    "OTEL_TRACES_EXPORTER": _Exporter,
    "OTEL_METRICS_EXPORTER": Annotated[str, AfterValidator(partial(_exporters, ("otlp", "prometheus")))],
    "OTEL_LOGS_EXPORTER": _Exporter,
    "OTEL_EXPORTER_OTLP_ENDPOINT": types.BaseUrl,
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": types.WebUrl,
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": types.WebUrl,
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": types.WebUrl,
    "OTEL_EXPORTER_OTLP_PROTOCOL": Literal["http/protobuf"],
    "OTEL_EXPORTER_OTLP_HEADERS": Annotated[str, AfterValidator(_headers)],
    "OTEL_EXPORTER_OTLP_CERTIFICATE": types.Text,
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": types.Text,
    "OTEL_EXPORTER_OTLP_CLIENT_KEY": types.Text,
    "OTEL_EXPORTER_OTLP_COMPRESSION": Literal["gzip", "deflate", "none"],
    "OTEL_EXPORTER_OTLP_TIMEOUT": Annotated[types.Number, Field(gt=0, le=3600)],
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": Annotated[Literal["cumulative", "delta", "lowmemory"], _Lower],
    "OTEL_TRACES_SAMPLER": Annotated[
        Literal[
            "always_on",
            "always_off",
            "traceidratio",
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
        ],
        _Lower,
    ],
    "OTEL_TRACES_SAMPLER_ARG": Annotated[types.Number, Field(ge=0, le=1)],
    "OTEL_SERVICE_NAME": types.Text,
    "OTEL_RESOURCE_ATTRIBUTES": Annotated[str, AfterValidator(_attributes)],
    "OTEL_BSP_SCHEDULE_DELAY": _Milliseconds,
    "OTEL_BLRP_SCHEDULE_DELAY": _Milliseconds,
    "OTEL_METRIC_EXPORT_INTERVAL": _Milliseconds,
}


def _type_of(name: str) -> Any:
    return VARIABLES.get(name) or VARIABLES.get(_SIGNAL.sub("OTLP_", name))


def check(environ: Mapping[str, str]) -> None:
    """Raise SettingsError for the first invalid variable, unless the SDK is disabled."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return
    for name in environ:
        variable_type = _type_of(name)
        text = environ[name].strip()
        if variable_type is None or not text:
            continue
        try:
            TypeAdapter(variable_type).validate_python(text)
        except ValidationError as exc:
            raise SettingsError(f"{name}: {types.error_text(exc)}") from None


def check_files(environ: Mapping[str, str]) -> None:
    """Raise SettingsError for a variable whose file does not exist, unless the SDK is disabled."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return
    for name, text in environ.items():
        if text and name.endswith(("_CERTIFICATE", "_CLIENT_KEY")) and _type_of(name) and not Path(text).is_file():
            raise SettingsError(f"{name}: expected the path of a file")
