"""The settings of a function. Only this module reads them from the environment.

`python -m tools.docs` writes their reference (docs/reference/settings.md) and .env.example from the descriptions here.
"""

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

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, defer_build=True)

    HOME_LATITUDE: types.Number = Field(
        40.736097, ge=-90, le=90, allow_inf_nan=False, description="Latitude of home, in WGS84 degrees."
    )
    HOME_LONGITUDE: types.Number = Field(
        -74.039373, ge=-180, le=180, allow_inf_nan=False, description="Longitude of home, in WGS84 degrees."
    )
    AWAY_THRESHOLD_KM: types.Number = Field(
        0.5,
        ge=0,
        allow_inf_nan=False,
        description="Home threshold: a fix farther than this from home counts as away. Kilometres.",
    )
    DAY_TIMEZONE: TimeZoneName = Field("UTC", description="Time zone in which a day begins and ends, an IANA name.")
    DAY_COLUMN: Literal["created_at", "timestamp"] = Field(
        "created_at",
        description=(
            "Column that dates a fix: created_at (time of arrival, as in the older worker) or timestamp "
            "(time of the fix). DAY_COLUMN=timestamp is the better choice for a new installation."
        ),
    )

    DATABASE_URL: types.DatabaseUrl | None = Field(
        None, description="PostgreSQL as one URL. It replaces the POSTGRES_* settings."
    )
    POSTGRES_HOST: types.PostgresHost = Field("localhost", description="Host of PostgreSQL or PgBouncer.")
    POSTGRES_PORT: types.Integer = Field(
        5432, ge=1, le=65535, description="Port of PostgreSQL. PgBouncer's is usually 6432."
    )
    POSTGRES_DB: types.Text = Field("owntracks", description="Database that contains public.locations.")
    POSTGRES_USER: types.Text | None = Field(
        None, description="Role with SELECT on public.locations. Required by calculate unless DATABASE_URL is set."
    )
    POSTGRES_PASSWORD: types.SecretText | None = Field(
        None, description="Password of the role. It may be empty. Required by calculate unless DATABASE_URL is set."
    )

    AWS_ENDPOINT_URL_S3: types.S3Endpoint | None = Field(
        None, description="URL of the S3 server. Without it, requests go to AWS."
    )
    AWS_ACCESS_KEY_ID: types.AccessKeyId | None = Field(
        None, description="Access key id. Required unless boto3 finds credentials in another way."
    )
    AWS_SECRET_ACCESS_KEY: types.SecretText | None = Field(
        None, description="Secret access key. Required unless boto3 finds credentials in another way."
    )
    AWS_SESSION_TOKEN: types.SecretVisible | None = Field(None, description="Session token of temporary credentials.")
    AWS_REGION: types.Region = Field("us-east-1", description="Region for which requests are signed.")
    S3_ADDRESSING_STYLE: Literal["path", "virtual"] = Field(
        "path",
        description=(
            "Where requests name the bucket: path (http://host/bucket), which every S3-compatible server supports, or "
            "virtual (http://bucket.host), which some providers require."
        ),
    )
    S3_PUBLIC_ENDPOINT_URL: types.S3Endpoint | None = Field(
        None, description=("URL of the S3 server in presigned URLs, as callers reach it. Default: AWS_ENDPOINT_URL_S3.")
    )
    JOBS_BUCKET: types.BucketName = Field(
        "otel-worker-jobs", description="Bucket for job records and the index of jobs."
    )
    CSV_BUCKET: types.BucketName = Field("otel-worker-csv", description="Bucket for CSV files.")
    PRESIGN_TTL_SECONDS: types.Integer = Field(900, ge=1, le=604_800, description="Lifetime of a presigned URL.")
    JOB_RETENTION_DAYS: types.Integer | None = Field(
        None,
        ge=1,
        le=36_500,
        description="Age after which a job is deleted together with its CSV. Without it, jobs are kept.",
    )
    CSV_RETENTION_DAYS: types.Integer | None = Field(
        None,
        ge=1,
        le=36_500,
        description=(
            "Age after which a CSV is deleted while its job stays. Set it for status and calculate. Without "
            "it, a CSV is kept as long as its job."
        ),
    )

    GRACE_SECONDS: types.Integer = Field(
        600,
        ge=1,
        le=3600,
        description=(
            "Time that a process gets to finish after SIGTERM. A job that takes longer is released for "
            "another attempt. Keep it below the platform's own limit."
        ),
    )
    K_SINK: types.WebUrl | None = Field(
        None,
        description=(
            "Broker ingress to which events are published. Required by submit; calculate uses it for the "
            "sweep. A SinkBinding sets it."
        ),
    )
    K_CE_OVERRIDES: types.Overrides = Field(
        "{}",
        description=(
            'CloudEvents extensions for published events, as {"extensions": {"name": "text"}}. A SinkBinding sets it.'
        ),
    )
    HEALTH_DETAILS: bool = Field(
        default=True,
        description=(
            "Whether /health, /status and /metrics/json respond. Set False where the service is public: they "
            "then return 404."
        ),
    )
    CORS_ORIGINS: types.OriginList | None = Field(
        None,
        description=(
            "Origins of other sites whose pages may call the API, separated by commas, as https://maps.example."
        ),
    )
    API_KEYS: types.KeyList | None = Field(
        None,
        description=(
            "Shared API keys of 32 or more ASCII characters, separated by commas. Callers must send one of them."
        ),
    )
    AUTH_ISSUER: types.BaseUrl | None = Field(
        None,
        description=(
            "OpenID Connect issuer whose bearer tokens callers must send. It must equal the token's iss claim."
        ),
    )
    AUTH_AUDIENCE: types.TextList | None = Field(
        None, description="Accepted audiences, separated by commas. Required with AUTH_ISSUER."
    )
    AUTH_SCOPE: types.Visible | None = Field(None, description="Scope that a token must have.")
    AUTH_JWKS_URL: types.WebUrl | None = Field(
        None, description="URL of the issuer's key set. Default: the one in the issuer's OpenID configuration."
    )
    AUTH_LEEWAY_SECONDS: types.Integer = Field(
        30, ge=0, le=300, description="Allowed clock difference when token times are checked."
    )
    RATE_LIMIT_CALCULATE: types.Integer | None = Field(
        None, ge=1, le=100_000, description="Submissions per minute and caller. 10 once any rate limit setting is set."
    )
    RATE_LIMIT_STATUS: types.Integer | None = Field(
        None,
        ge=1,
        le=100_000,
        description="Other requests per minute and caller. 100 once any rate limit setting is set.",
    )
    RATE_LIMIT_STORE: types.StoreUrl | None = Field(
        None,
        description=(
            "Redis or Valkey URL for counters shared by all processes. Without it, each process counts for itself."
        ),
    )
    TRUSTED_PROXIES: types.NetworkList | None = Field(
        None, description="Networks of proxies whose X-Forwarded-For header is trusted, separated by commas."
    )
    LOG_LEVEL: Annotated[Literal["DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL"], types.UpperCase] = Field(
        "INFO", description="Log level: DEBUG, INFO, WARN (or WARNING), ERROR or CRITICAL."
    )
    SENTRY_DSN: types.SentryDsn | None = Field(
        None, description="Sentry DSN for error reports. It needs the package sentry-sdk."
    )
    SENTRY_SAMPLE_RATE: types.Number = Field(1.0, ge=0, le=1, description="Share of errors that is reported.")
    SENTRY_MAX_PER_MINUTE: types.Integer = Field(
        10, ge=1, le=1000, description="Maximum number of errors that a process reports per minute."
    )

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
    if target == "calculate" and settings.DATABASE_URL is not None:
        from shared.config import database_url  # noqa: PLC0415 - only calculate needs libpq

        database_url.check(settings.DATABASE_URL.get_secret_value())
    if any(name.startswith("OTEL_") for name in values):
        from shared.config.opentelemetry import check  # noqa: PLC0415 - only where telemetry is configured

        check(values)
    return settings


def load(target: str) -> Settings:
    """Read the settings of function `target` from the environment of this process."""
    strip_environment()
    settings = read(os.environ, target)
    if any(name.startswith("OTEL_") for name in os.environ):
        from shared.config.opentelemetry import check_files  # noqa: PLC0415 - only where telemetry is configured

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
