"""The settings of a function: the only reader of the environment (README.md has their table)."""

import json
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from shared.access.addresses import Networks, networks
from shared.access.api_keys import split
from shared.access.cors import Cors, origins
from shared.errors import SettingsError
from shared.models import Home, Latitude, Longitude, ThresholdKm, TimeZoneName

_OTHER_CREDENTIALS = (
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


def _web_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or (parts.port or 1) < 1:
        raise ValueError("an http or https URL is expected")
    return value


def _database_url(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if "://" in text:
        parts = urlsplit(text)
        if parts.scheme not in ("postgres", "postgresql"):
            raise ValueError("a postgresql:// URL is expected")
    elif "=" not in text:
        raise ValueError("a postgresql:// URL is expected")
    return value


def _overrides(value: str) -> str:
    try:
        extensions = json.loads(value).get("extensions", {})
        valid = all(isinstance(text, str) for text in extensions.values())
    except (ValueError, AttributeError):
        valid = False
    if not valid:
        raise ValueError("a JSON object with string extensions is expected")
    return value


WebUrl = Annotated[str, AfterValidator(_web_url)]
BucketName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]


def _checked_origins(text: str) -> str:
    origins(text)
    return text


def _checked_keys(value: SecretStr) -> SecretStr:
    split(value.get_secret_value())
    return value


def _checked_networks(text: str) -> str:
    try:
        networks(text)
    except ValueError:
        raise ValueError("networks with commas between are expected, as 10.0.0.0/8") from None
    return text


def _store_url(value: SecretStr) -> SecretStr:
    if not re.match(r"(redis|valkey)s?://", value.get_secret_value()):
        raise ValueError("a redis:// or valkey:// URL is expected")
    return value


class Settings(BaseModel):
    """Every setting, by the name that the environment gives it; immutable."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    HOME_LATITUDE: Latitude = 40.736097
    HOME_LONGITUDE: Longitude = -74.039373
    AWAY_THRESHOLD_KM: ThresholdKm = 0.5
    DAY_TIMEZONE: TimeZoneName = "UTC"
    DAY_COLUMN: Literal["created_at", "timestamp"] = "created_at"

    DATABASE_URL: Annotated[SecretStr, AfterValidator(_database_url)] | None = None
    POSTGRES_HOST: str = Field("localhost", min_length=1)
    POSTGRES_PORT: int = Field(5432, ge=1, le=65535)
    POSTGRES_DB: str = Field("owntracks", min_length=1)
    POSTGRES_USER: str | None = Field(None, min_length=1)
    POSTGRES_PASSWORD: SecretStr | None = None

    AWS_ENDPOINT_URL_S3: WebUrl | None = None
    AWS_ACCESS_KEY_ID: str | None = Field(None, min_length=1)
    AWS_SECRET_ACCESS_KEY: SecretStr | None = Field(None, min_length=1)
    AWS_REGION: str = Field("us-east-1", min_length=1)
    S3_PUBLIC_ENDPOINT_URL: WebUrl | None = None
    JOBS_BUCKET: BucketName = "otel-worker-jobs"
    CSV_BUCKET: BucketName = "otel-worker-csv"
    PRESIGN_TTL_SECONDS: int = Field(900, ge=1, le=604_800)
    JOB_RETENTION_DAYS: int | None = Field(None, ge=1, le=36_500)
    CSV_RETENTION_DAYS: int | None = Field(None, ge=1, le=36_500)

    GRACE_SECONDS: int = Field(600, ge=1, le=3600)
    K_SINK: WebUrl | None = None
    K_CE_OVERRIDES: Annotated[str, AfterValidator(_overrides)] = "{}"
    HEALTH_DETAILS: bool = True
    CORS_ORIGINS: Annotated[str, AfterValidator(_checked_origins)] | None = None
    API_KEYS: Annotated[SecretStr, AfterValidator(_checked_keys)] | None = None
    AUTH_ISSUER: WebUrl | None = None
    AUTH_AUDIENCE: str | None = Field(None, min_length=1)
    AUTH_SCOPE: str | None = Field(None, pattern=r"^\S+$")
    AUTH_JWKS_URL: WebUrl | None = None
    AUTH_LEEWAY_SECONDS: int = Field(30, ge=0, le=300)
    RATE_LIMIT_CALCULATE: int | None = Field(None, ge=1, le=100_000)
    RATE_LIMIT_STATUS: int | None = Field(None, ge=1, le=100_000)
    RATE_LIMIT_STORE: Annotated[SecretStr, AfterValidator(_store_url)] | None = None
    TRUSTED_PROXIES: Annotated[str, AfterValidator(_checked_networks)] | None = None
    LOG_LEVEL: Literal["DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    SENTRY_DSN: SecretStr | None = None
    SENTRY_SAMPLE_RATE: float = Field(1.0, ge=0, le=1)
    SENTRY_MAX_PER_MINUTE: int = Field(10, ge=1, le=1000)

    @property
    def home(self) -> Home:
        return Home(latitude=self.HOME_LATITUDE, longitude=self.HOME_LONGITUDE)

    @property
    def job_age(self) -> timedelta | None:
        """How long a job is kept after it was queued; None is for ever."""
        return None if self.JOB_RETENTION_DAYS is None else timedelta(days=self.JOB_RETENTION_DAYS)

    @property
    def csv_age(self) -> timedelta | None:
        """How long a CSV is kept; None is as long as its job."""
        return None if self.CSV_RETENTION_DAYS is None else timedelta(days=self.CSV_RETENTION_DAYS)

    @property
    def cors(self) -> Cors | None:
        """Which pages of other origins may ask; None is none."""
        return None if self.CORS_ORIGINS is None else Cors(origins(self.CORS_ORIGINS))

    @property
    def limits_callers(self) -> bool:
        """Whether it is counted how often each caller asks: one of the limits' settings is there."""
        return any((self.RATE_LIMIT_CALCULATE, self.RATE_LIMIT_STATUS, self.RATE_LIMIT_STORE))

    @property
    def proxies(self) -> Networks:
        """Whose word on a caller's address counts."""
        return () if self.TRUSTED_PROXIES is None else networks(self.TRUSTED_PROXIES)

    @property
    def ce_extensions(self) -> dict[str, str]:
        """The extensions that a SinkBinding wants on every event."""
        return dict(json.loads(self.K_CE_OVERRIDES).get("extensions", {}))


def read(environ: Mapping[str, str], target: str) -> Settings:
    """The settings of function `target`, or SettingsError with one line that names the first bad one.

    An empty variable counts as absent, but for the password: manifests leave what they don't set empty.
    """
    given = {name: text for name, text in environ.items() if text or name == "POSTGRES_PASSWORD"}
    for name in _required(target, given):
        if name not in given:
            raise SettingsError(f"{name}: this setting is missing")
    try:
        return Settings.model_validate({name: given[name] for name in Settings.model_fields if name in given})
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
        raise SettingsError(f"{first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}") from None


def load(target: str) -> Settings:
    """The settings of function `target` from this process's environment."""
    return read(os.environ, target)


def _required(target: str, given: Mapping[str, str]) -> list[str]:
    names = []
    if not any(name in given for name in _OTHER_CREDENTIALS):
        names += ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    if target == "submit":
        names.append("K_SINK")
    if "AUTH_ISSUER" in given:
        names.append("AUTH_AUDIENCE")  # without it, tokens for other services of the same issuer would do
    if target == "calculate" and "DATABASE_URL" not in given:
        names += ["POSTGRES_USER", "POSTGRES_PASSWORD"]
    return names
