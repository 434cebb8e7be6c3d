import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config.settings import Settings, read
from shared.errors import SettingsError

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
ENVIRON = KEYS | {"K_SINK": "http://broker", "DATABASE_URL": "postgresql://u:p@db/owntracks"}


def test_defaults_are_those_of_the_contract() -> None:
    found = read(ENVIRON, "submit")
    assert (found.home.latitude, found.home.longitude) == (40.736097, -74.039373)
    assert (found.AWAY_THRESHOLD_KM, found.DAY_TIMEZONE, found.DAY_COLUMN) == (0.5, "UTC", "created_at")
    assert (found.JOBS_BUCKET, found.CSV_BUCKET) == ("otel-worker-jobs", "otel-worker-csv")
    assert (found.PRESIGN_TTL_SECONDS, found.LOG_LEVEL) == (900, "INFO")
    assert (found.POSTGRES_HOST, found.POSTGRES_PORT, found.POSTGRES_DB) == ("localhost", 5432, "owntracks")


@pytest.mark.parametrize(
    ("name", "text"),
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
def test_a_bad_setting_is_one_line_that_names_it_and_does_not_repeat_it(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(ENVIRON | {name: text}, "submit")
    line = str(caught.value)
    assert line.startswith(f"{name}: ")
    assert "\n" not in line
    assert text not in line.removeprefix(name) or len(text) < 3


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
def test_a_missing_setting_is_named(target: str, name: str) -> None:
    environ = {key: text for key, text in ENVIRON.items() if key not in (name, "DATABASE_URL")}
    if target == "calculate" and name == "POSTGRES_PASSWORD":
        environ["POSTGRES_USER"] = "reader"
    with pytest.raises(SettingsError, match=f"^{name}: this setting is missing$"):
        read(environ, target)


def test_what_a_function_does_not_need_may_be_missing() -> None:
    assert read(KEYS, "list").K_SINK is None
    assert read(KEYS, "status").DATABASE_URL is None


def test_an_empty_password_is_a_password() -> None:
    found = read(KEYS | {"POSTGRES_USER": "reader", "POSTGRES_PASSWORD": ""}, "calculate")
    assert found.POSTGRES_PASSWORD is not None
    assert not found.POSTGRES_PASSWORD.get_secret_value()


def test_other_ways_to_credentials_are_left_to_boto3() -> None:
    assert read({"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}, "list").AWS_ACCESS_KEY_ID is None


def test_secrets_do_not_show() -> None:
    shown = repr(read(ENVIRON, "submit"))
    assert "secret" not in shown.replace("SecretStr", "").replace("SECRET", "")
    assert "u:p" not in shown


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read(ENVIRON, "submit").LOG_LEVEL = "DEBUG"  # type: ignore[misc]


def test_overrides_of_a_sink_binding_are_extensions() -> None:
    assert read(ENVIRON | {"K_CE_OVERRIDES": '{"extensions": {"team": "home"}}'}, "submit").ce_extensions == {
        "team": "home"
    }


@given(st.dictionaries(st.sampled_from(sorted(Settings.model_fields)), st.text(max_size=30)))
def test_whatever_the_environment_holds_it_is_settings_or_one_named_line(environ: dict[str, str]) -> None:
    refusal = ""
    try:
        read(KEYS | environ, "list")
    except SettingsError as exc:
        refusal = str(exc)
    assert not refusal or (refusal.split(":")[0] in Settings.model_fields and "\n" not in refusal)
