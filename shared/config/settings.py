"""The settings of a function. Only this module reads them from the environment.

`python -m tools.docs` writes their reference (docs/reference/settings.md) and .env.example from their descriptions.
"""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Self

from shared.config import lists, types
from shared.config.calculation import CalculationSettings
from shared.config.page import PageSettings
from shared.config.required import required
from shared.config.types import setting
from shared.errors import SettingsError


@dataclass(frozen=True)
class Settings(PageSettings, CalculationSettings):
    """All settings, by the names of their environment variables."""

    DATABASE_URL: types.Secret | None = setting(
        types.database_url, None, "PostgreSQL as one URL. It replaces the POSTGRES_* settings."
    )
    POSTGRES_HOST: str = setting(types.postgres_host, "localhost", "Host of PostgreSQL or PgBouncer.")
    POSTGRES_PORT: int = setting(
        types.whole_number, 5432, "Port of PostgreSQL. PgBouncer's is usually 6432.", ge=1, le=65535
    )
    POSTGRES_DB: str = setting(types.text, "owntracks", "Database that contains public.locations.")
    POSTGRES_USER: str | None = setting(
        types.text, None, "Role with SELECT on public.locations. Required by calculate unless DATABASE_URL is set."
    )
    POSTGRES_PASSWORD: types.Secret | None = setting(
        types.secret_text,
        None,
        "Password of the role. It may be empty. Required by calculate unless DATABASE_URL is set.",
    )

    AWS_ENDPOINT_URL_S3: str | None = setting(
        types.s3_endpoint, None, "URL of the S3 server. Without it, requests go to AWS."
    )
    AWS_ACCESS_KEY_ID: str | None = setting(
        types.access_key_id, None, "Access key id. Required unless botocore finds credentials in another way."
    )
    AWS_SECRET_ACCESS_KEY: types.Secret | None = setting(
        types.secret_text, None, "Secret access key. Required unless botocore finds credentials in another way."
    )
    AWS_SESSION_TOKEN: types.Secret | None = setting(
        types.secret_visible, None, "Session token of temporary credentials."
    )
    AWS_REGION: str = setting(types.region, "us-east-1", "Region for which requests are signed.")
    S3_ADDRESSING_STYLE: Literal["path", "virtual"] = setting(
        types.choice("path", "virtual"),
        "path",
        "Where requests name the bucket: path (http://host/bucket), which every S3-compatible server supports, or "
        "virtual (http://bucket.host), which some providers require.",
    )
    S3_PUBLIC_ENDPOINT_URL: str | None = setting(
        types.s3_endpoint,
        None,
        "URL of the S3 server in presigned URLs, as callers reach it. Default: AWS_ENDPOINT_URL_S3.",
    )
    JOBS_BUCKET: str = setting(types.bucket_name, "otel-worker-jobs", "Bucket for job records and the index of jobs.")
    CSV_BUCKET: str = setting(types.bucket_name, "otel-worker-csv", "Bucket for CSV files.")
    PRESIGN_TTL_SECONDS: int = setting(types.whole_number, 900, "Lifetime of a presigned URL.", ge=1, le=604_800)
    JOB_RETENTION_DAYS: int | None = setting(
        types.whole_number,
        None,
        "Age after which a job is deleted together with its CSV. Without it, jobs are kept.",
        ge=1,
        le=36_500,
    )
    CSV_RETENTION_DAYS: int | None = setting(
        types.whole_number,
        None,
        "Age after which a CSV is deleted while its job stays. Set it for status and calculate. Without it, a CSV is "
        "kept as long as its job.",
        ge=1,
        le=36_500,
    )

    GRACE_SECONDS: int = setting(
        types.whole_number,
        600,
        "Time that a process gets to finish after SIGTERM. A job that takes longer is released for another attempt. "
        "Keep it below the platform's own limit.",
        ge=1,
        le=3600,
    )
    K_SINK: str | None = setting(
        types.web_url,
        None,
        "Broker ingress to which events are published. Required by submit; calculate uses it for the sweep. A "
        "SinkBinding sets it.",
    )
    K_CE_OVERRIDES: str = setting(
        types.overrides,
        "{}",
        'CloudEvents extensions for published events, as {"extensions": {"name": "text"}}. A SinkBinding sets it.',
    )
    HEALTH_DETAILS: bool = setting(
        types.boolean,
        default=True,
        description=(
            "Whether /health, /status, /metrics and /metrics/json respond. Set False where the service is public: they "
            "then return 404."
        ),
    )
    CORS_ORIGINS: str | None = setting(
        types.origin_list,
        None,
        "Origins of other sites whose pages may call the API, separated by commas, as https://maps.example.",
    )
    API_KEYS: types.Secret | None = setting(
        types.key_list,
        None,
        "Shared API keys of 32 or more ASCII characters, separated by commas. Callers must send one of them.",
    )
    AUTH_ISSUER: str | None = setting(
        types.base_url,
        None,
        "OpenID Connect issuer whose bearer tokens callers must send. It must equal the token's iss claim.",
    )
    AUTH_AUDIENCE: str | None = setting(
        types.text_list, None, "Accepted audiences, separated by commas. Required with AUTH_ISSUER."
    )
    AUTH_SCOPE: str | None = setting(types.visible, None, "Scope that a token must have.")
    AUTH_JWKS_URL: str | None = setting(
        types.web_url, None, "URL of the issuer's key set. Default: the one in the issuer's OpenID configuration."
    )
    AUTH_LEEWAY_SECONDS: int = setting(
        types.whole_number, 30, "Allowed clock difference when token times are checked.", ge=0, le=300
    )
    RATE_LIMIT_CALCULATE: int | None = setting(
        types.whole_number,
        None,
        "Submissions per minute and caller. 10 once any rate limit setting is set.",
        ge=1,
        le=100_000,
    )
    RATE_LIMIT_STATUS: int | None = setting(
        types.whole_number,
        None,
        "Other requests per minute and caller. 100 once any rate limit setting is set.",
        ge=1,
        le=100_000,
    )
    RATE_LIMIT_STORE: types.Secret | None = setting(
        types.store_url,
        None,
        "Redis or Valkey URL for counters shared by all processes. Without it, each process counts for itself.",
    )
    TRUSTED_PROXIES: str | None = setting(
        types.network_list, None, "Networks of proxies whose X-Forwarded-For header is trusted, separated by commas."
    )
    LOG_LEVEL: str = setting(
        types.choice("DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL", normalize=str.upper),
        "INFO",
        "Log level: DEBUG, INFO, WARN (or WARNING), ERROR or CRITICAL.",
    )
    SENTRY_DSN: types.Secret | None = setting(
        types.sentry_dsn, None, "Sentry DSN for error reports. It needs the package sentry-sdk."
    )
    SENTRY_SAMPLE_RATE: float = setting(types.number, 1.0, "Share of errors that is reported.", ge=0, le=1)
    SENTRY_MAX_PER_MINUTE: int = setting(
        types.whole_number, 10, "Maximum number of errors that a process reports per minute.", ge=1, le=1000
    )

    @classmethod
    def parse(cls, values: Mapping[str, str]) -> Self:
        """Parse the texts of settings by name. Raises SettingsError that names the first invalid one.

        Absent settings have their defaults, and other names are ignored. Texts are not stripped.
        """
        parsed = {}
        for field in dataclasses.fields(cls):
            if field.name in values:
                try:
                    parsed[field.name] = field.metadata["parse"](values[field.name])
                except ValueError as exc:
                    raise SettingsError(f"{field.name}: {exc}") from None
        return cls(**parsed)

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


SETTING_NAMES = tuple(field.name for field in dataclasses.fields(Settings))


def read(environ: Mapping[str, str], target: str) -> Settings:
    """Read the settings of function `target`. Raises SettingsError with one line that names the first invalid one.

    White space around values is stripped. An empty variable is absent, because manifests leave unset ones empty;
    POSTGRES_PASSWORD may be empty.
    """
    values = {name: text.strip() for name, text in environ.items()}
    values = {name: text for name, text in values.items() if text or name == "POSTGRES_PASSWORD"}
    for name in required(target, values):
        if name not in values:
            raise SettingsError(f"{name}: this setting is missing")
    settings = Settings.parse(values)
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
