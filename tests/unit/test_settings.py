from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config.settings import SETTING_NAMES, read
from shared.errors import SettingsError
from shared.models import AnalysisParameters

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
ENVIRON = KEYS | {"K_SINK": "http://broker", "DATABASE_URL": "postgresql://u:p@db/owntracks"}


def test_defaults_match_the_contract() -> None:
    settings = read(ENVIRON, "submit")
    assert (settings.home.latitude, settings.home.longitude) == (40.736097, -74.039373)
    assert (settings.AWAY_THRESHOLD_KM, settings.DAY_TIMEZONE, settings.DAY_COLUMN) == (0.5, "UTC", "created_at")
    assert settings.analysis == AnalysisParameters()
    assert (settings.JOBS_BUCKET, settings.CSV_BUCKET) == ("otel-worker-jobs", "otel-worker-csv")
    assert (settings.PRESIGN_TTL_SECONDS, settings.LOG_LEVEL) == (900, "INFO")
    assert (settings.POSTGRES_HOST, settings.POSTGRES_PORT, settings.POSTGRES_DB) == ("localhost", 5432, "owntracks")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOME_LATITUDE", "91"),
        ("HOME_LATITUDE", "north"),
        ("HOME_LONGITUDE", "nan"),
        ("HOME_LONGITUDE", "-180.1"),
        ("AWAY_THRESHOLD_KM", "-1"),
        ("AWAY_THRESHOLD_KM", "inf"),
        ("DAY_TIMEZONE", "Mars/Olympus"),
        ("DAY_COLUMN", "id; DROP TABLE locations"),
        ("DATABASE_URL", "mysql://u:p@db/x"),
        ("DATABASE_URL", "nonsense"),
        ("POSTGRES_PORT", "0"),
        ("POSTGRES_PORT", "x"),
        ("GRACE_SECONDS", "0"),
        ("GRACE_SECONDS", "long"),
        ("AWS_ENDPOINT_URL_S3", "minio:9000"),
        ("AWS_ENDPOINT_URL_S3", "http://"),
        ("S3_PUBLIC_ENDPOINT_URL", "http://host:99999"),
        ("JOBS_BUCKET", "No_Bucket"),
        ("PRESIGN_TTL_SECONDS", "0"),
        ("PRESIGN_TTL_SECONDS", "604801"),
        ("K_SINK", "ftp://broker"),
        ("K_CE_OVERRIDES", "{"),
        ("K_CE_OVERRIDES", "[]"),
        ("K_CE_OVERRIDES", '{"extensions": {"a": 1}}'),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_invalid_setting_is_one_line_with_name_but_without_value(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(ENVIRON | {name: value}, "submit")
    line = str(caught.value)
    assert line.startswith(f"{name}: ")
    assert "\n" not in line
    assert value not in line.removeprefix(name) or len(value) < 3


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("submit", "K_SINK"),
        ("submit", "AWS_ACCESS_KEY_ID"),
        ("status", "AWS_SECRET_ACCESS_KEY"),
        ("calculate", "POSTGRES_USER"),
        ("calculate", "POSTGRES_PASSWORD"),
    ],
)
def test_missing_setting_is_named(target: str, name: str) -> None:
    environ = {key: text for key, text in ENVIRON.items() if key not in (name, "DATABASE_URL")}
    if target == "calculate" and name == "POSTGRES_PASSWORD":
        environ["POSTGRES_USER"] = "reader"
    with pytest.raises(SettingsError, match=f"^{name}: this setting is missing$"):
        read(environ, target)


def test_settings_that_a_function_does_not_use_are_optional() -> None:
    assert read(KEYS, "list").K_SINK is None
    assert read(KEYS, "status").DATABASE_URL is None


def test_password_may_be_empty() -> None:
    settings = read(KEYS | {"POSTGRES_USER": "reader", "POSTGRES_PASSWORD": ""}, "calculate")
    assert settings.POSTGRES_PASSWORD is not None
    assert not settings.POSTGRES_PASSWORD.get_secret_value()


def test_access_keys_are_optional_with_other_credentials() -> None:
    assert read({"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}, "list").AWS_ACCESS_KEY_ID is None


def test_repr_contains_no_secrets() -> None:
    text = repr(read(ENVIRON, "submit"))
    assert "secret" not in text.replace("SECRET", "")
    assert "u:p" not in text


def test_settings_are_immutable() -> None:
    with pytest.raises(FrozenInstanceError):
        read(ENVIRON, "submit").LOG_LEVEL = "DEBUG"  # type: ignore[misc]


def test_ce_overrides_are_parsed_as_extensions() -> None:
    assert read(ENVIRON | {"K_CE_OVERRIDES": '{"extensions": {"team": "home"}}'}, "submit").ce_extensions == {
        "team": "home"
    }


@given(st.dictionaries(st.sampled_from(sorted(SETTING_NAMES)), st.text(max_size=30)))
def test_any_environment_yields_settings_or_one_line_with_a_name(environ: dict[str, str]) -> None:
    error = ""
    try:
        read(KEYS | environ, "list")
    except SettingsError as exc:
        error = str(exc)
    assert not error or (error.split(":")[0] in SETTING_NAMES and "\n" not in error)
