"""Values of settings: the library that uses a setting accepts each accepted value; rejected values are one line."""

from itertools import chain

import pytest

from shared.auth.authenticator import authenticator
from shared.config.settings import SETTING_NAMES, Settings, read
from shared.errors import SettingsError
from tests.unit.setting_uses import USES
from tests.unit.setting_values import OTHER_SETTINGS, SECRETS, VALUES

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
ENVIRON = KEYS | {"POSTGRES_USER": "reader", "POSTGRES_PASSWORD": "p"}
_WHITE_SPACE = "\r\n\t \N{NO-BREAK SPACE}"


def load(environ: dict[str, str]) -> Settings:
    """Read and validate settings as at the start of a function. calculate reads all of them."""
    settings = read(environ, "calculate")
    authenticator(settings)
    return settings


ACCEPTED = [(name, text) for name, values in VALUES.items() for text in values.accepted]
REFUSES = [(name, text) for name, values in VALUES.items() for text in values.rejected]


def test_each_setting_has_values_and_a_use() -> None:
    assert set(VALUES) == set(USES) == set(SETTING_NAMES)
    assert all(chain.from_iterable(VALUES.values()) for values in VALUES.values())


@pytest.mark.parametrize(("name", "value"), ACCEPTED)
def test_library_accepts_accepted_value(name: str, value: str) -> None:
    environ = ENVIRON | OTHER_SETTINGS.get(name, {}) | {name: value}
    if name.startswith("AWS_") and name != "AWS_ENDPOINT_URL_S3":
        USES[name](load(environ))  # with the default endpoint of AWS
    settings = load({"AWS_ENDPOINT_URL_S3": "http://minio:9000", **environ})
    USES[name](settings)


@pytest.mark.parametrize(("name", "value"), ACCEPTED)
def test_white_space_around_value_is_stripped(name: str, value: str) -> None:
    environ = ENVIRON | OTHER_SETTINGS.get(name, {})
    assert load(environ | {name: f"{_WHITE_SPACE}{value}{_WHITE_SPACE}"}) == load(environ | {name: value})


@pytest.mark.parametrize("name", VALUES)
def test_white_space_only_is_absent(name: str) -> None:
    environ = ENVIRON | OTHER_SETTINGS.get(name, {})
    assert outcome(environ | {name: _WHITE_SPACE}) == outcome(environ | {name: ""})


def outcome(environ: dict[str, str]) -> Settings | str:
    try:
        return load(environ)
    except SettingsError as exc:
        return str(exc)


@pytest.mark.parametrize(("name", "value"), REFUSES)
def test_rejected_value_is_one_line_with_name_but_without_secret(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(ENVIRON | OTHER_SETTINGS.get(name, {}) | {name: value})
    line = str(caught.value)
    assert line.startswith(f"{name}: ")
    assert line.isprintable()
    if name in SECRETS:
        assert "hunter2" not in line
        assert value not in line.removeprefix(name) or value in ("redis://", ",")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("DATABASE_URL", "postgresql://u:p@ss@db/x", "percent-encode special characters in the password"),
        ("DATABASE_URL", "postgresql://u:p/w@db/x", "percent-encode special characters in the password"),
        ("DATABASE_URL", "postgresql://u:p@db/x?sslmode=odd", "parameter sslmode"),
        ("POSTGRES_HOST", "db:5432", "POSTGRES_PORT"),
        ("POSTGRES_HOST", "postgresql://db", "DATABASE_URL"),
        ("POSTGRES_HOST", "one,two", "DATABASE_URL"),
        ("POSTGRES_HOST", "[::1]", "without brackets"),
        ("K_SINK", "http://u:p@broker", "without user name and password"),
        ("K_SINK", "http://münchen", "xn--"),
    ],
)
def test_error_contains_hint(name: str, value: str, hint: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: .*{hint}"):
        load(ENVIRON | {name: value})


def test_secrets_are_listed() -> None:
    assert {"DATABASE_URL", "POSTGRES_PASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} <= SECRETS
    assert {"API_KEYS", "RATE_LIMIT_STORE", "SENTRY_DSN"} <= SECRETS


def test_one_access_key_requires_the_other() -> None:
    environ = {"AWS_PROFILE": "home", "AWS_ACCESS_KEY_ID": "key"}
    with pytest.raises(SettingsError, match=r"^AWS_SECRET_ACCESS_KEY: this setting is missing$"):
        read(environ, "list")
