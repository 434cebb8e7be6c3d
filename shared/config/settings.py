"""The settings of a function. Only this module reads them from the environment. README.md lists them."""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.config import lists, types
from shared.errors import SettingsError
from shared.models import Home, TimeZoneName

_OTHER_CREDENTIALS = (
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


class Settings(BaseModel):
    """All settings, by the names of their environment variables."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    HOME_LATITUDE: types.Number = Field(40.736097, ge=-90, le=90, allow_inf_nan=False)
    HOME_LONGITUDE: types.Number = Field(-74.039373, ge=-180, le=180, allow_inf_nan=False)
    AWAY_THRESHOLD_KM: types.Number = Field(0.5, ge=0, allow_inf_nan=False)
    DAY_TIMEZONE: TimeZoneName = "UTC"
    DAY_COLUMN: Literal["created_at", "timestamp"] = "created_at"

    DATABASE_URL: types.DatabaseUrl | None = None
    POSTGRES_HOST: types.PostgresHost = "localhost"
    POSTGRES_PORT: types.Integer = Field(5432, ge=1, le=65535)
    POSTGRES_DB: types.Text = "owntracks"
    POSTGRES_USER: types.Text | None = None
    POSTGRES_PASSWORD: types.SecretText | None = None

    AWS_ENDPOINT_URL_S3: types.S3Endpoint | None = None
    AWS_ACCESS_KEY_ID: types.AccessKeyId | None = None
    AWS_SECRET_ACCESS_KEY: types.SecretText | None = None
    AWS_SESSION_TOKEN: types.SecretVisible | None = None
    AWS_REGION: types.Region = "us-east-1"
    S3_PUBLIC_ENDPOINT_URL: types.S3Endpoint | None = None
    JOBS_BUCKET: types.BucketName = "otel-worker-jobs"
    CSV_BUCKET: types.BucketName = "otel-worker-csv"
    PRESIGN_TTL_SECONDS: types.Integer = Field(900, ge=1, le=604_800)
    JOB_RETENTION_DAYS: types.Integer | None = Field(None, ge=1, le=36_500)
    CSV_RETENTION_DAYS: types.Integer | None = Field(None, ge=1, le=36_500)

    GRACE_SECONDS: types.Integer = Field(600, ge=1, le=3600)
    K_SINK: types.WebUrl | None = None
    K_CE_OVERRIDES: types.Overrides = "{}"
    HEALTH_DETAILS: bool = True
    CORS_ORIGINS: types.OriginList | None = None
    API_KEYS: types.KeyList | None = None
    AUTH_ISSUER: types.BaseUrl | None = None
    AUTH_AUDIENCE: types.WordList | None = None
    AUTH_SCOPE: types.Visible | None = None
    AUTH_JWKS_URL: types.WebUrl | None = None
    AUTH_LEEWAY_SECONDS: types.Integer = Field(30, ge=0, le=300)
    RATE_LIMIT_CALCULATE: types.Integer | None = Field(None, ge=1, le=100_000)
    RATE_LIMIT_STATUS: types.Integer | None = Field(None, ge=1, le=100_000)
    RATE_LIMIT_STORE: types.StoreUrl | None = None
    TRUSTED_PROXIES: types.NetworkList | None = None
    LOG_LEVEL: Annotated[Literal["DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL"], types.UpperCase] = "INFO"
    SENTRY_DSN: types.SentryDsn | None = None
    SENTRY_SAMPLE_RATE: types.Number = Field(1.0, ge=0, le=1)
    SENTRY_MAX_PER_MINUTE: types.Integer = Field(10, ge=1, le=1000)

    @property
    def home(self) -> Home:
        return Home(latitude=self.HOME_LATITUDE, longitude=self.HOME_LONGITUDE)

    @property
    def job_age(self) -> timedelta | None:
        """The retention of a job after it was queued; None is unlimited."""
        return None if self.JOB_RETENTION_DAYS is None else timedelta(days=self.JOB_RETENTION_DAYS)

    @property
    def csv_age(self) -> timedelta | None:
        """The retention of a CSV; None is that of its job."""
        return None if self.CSV_RETENTION_DAYS is None else timedelta(days=self.CSV_RETENTION_DAYS)

    @property
    def cors_origins(self) -> frozenset[str]:
        """The origins that browsers may send requests from."""
        return frozenset() if self.CORS_ORIGINS is None else lists.cors_origins(self.CORS_ORIGINS)

    @property
    def rate_limits_enabled(self) -> bool:
        """Whether any of the rate limit settings is set."""
        return any((self.RATE_LIMIT_CALCULATE, self.RATE_LIMIT_STATUS, self.RATE_LIMIT_STORE))

    @property
    def trusted_proxies(self) -> lists.IpNetworks:
        """The networks of the proxies whose X-Forwarded-For is trusted."""
        return () if self.TRUSTED_PROXIES is None else lists.ip_networks(self.TRUSTED_PROXIES)

    @property
    def ce_extensions(self) -> dict[str, str]:
        """The extensions that a SinkBinding adds to each event."""
        return types.extensions(self.K_CE_OVERRIDES)


def read(environ: Mapping[str, str], target: str) -> Settings:
    """Read the settings of function `target`. Raises SettingsError with one line that names the first invalid one.

    White space around values is stripped. An empty variable is absent, because manifests leave unset ones empty;
    POSTGRES_PASSWORD may be empty.
    """
    values = {name: text.strip() for name, text in environ.items()}
    values = {name: text for name, text in values.items() if text or name == "POSTGRES_PASSWORD"}
    for name in _required(target, values):
        if name not in values:
            raise SettingsError(f"{name}: this setting is missing")
    try:
        settings = Settings.model_validate({name: values[name] for name in Settings.model_fields if name in values})
    except ValidationError as exc:
        raise SettingsError(f"{exc.errors()[0]['loc'][0]}: {types.error_text(exc)}") from None
    if target == "calculate":  # the only function that needs libpq
        from shared.config.database_url import connection_string  # noqa: PLC0415

        connection_string(settings)
    if any(name.startswith("OTEL_") for name in values):
        from shared.config.opentelemetry import check  # noqa: PLC0415 - only where telemetry is configured

        check(values)
    return settings


def load(target: str) -> Settings:
    """Read the settings of function `target` from the environment of this process."""
    strip_environment()
    settings = read(os.environ, target)
    if any(name.startswith("OTEL_") for name in os.environ):
        from shared.config.opentelemetry import check_files  # noqa: PLC0415

        check_files(os.environ)
    return settings


def strip_environment() -> None:
    """Strip white space around all variables of this process, for libraries that read some of them."""
    for name, text in os.environ.items():
        if text != text.strip():
            os.environ[name] = text.strip()


def _required(target: str, values: Mapping[str, str]) -> list[str]:
    names = []
    keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    if any(name in values for name in keys) or not any(name in values for name in _OTHER_CREDENTIALS):
        names += keys
    if target == "submit":
        names.append("K_SINK")
    if "AUTH_ISSUER" in values:
        names.append("AUTH_AUDIENCE")  # rejects tokens for other services of the issuer
    if target == "calculate" and "DATABASE_URL" not in values:
        names += ["POSTGRES_USER", "POSTGRES_PASSWORD"]
    return names
