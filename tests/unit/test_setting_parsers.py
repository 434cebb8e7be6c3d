"""Parsers of settings: exact error texts, and secrets that are not shown."""

import dataclasses
from collections.abc import Callable

import pytest

from shared.config import types
from shared.config.settings import Settings
from shared.errors import SettingsError


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HOME_LATITUDE", "north", "a number"),
        ("HOME_LATITUDE", "1e999", "a finite number"),
        ("HOME_LATITUDE", "90.1", "a value less than or equal to 90"),
        ("HOME_LATITUDE", "-90.1", "a value greater than or equal to -90"),
        ("AWAY_THRESHOLD_KM", "-1", "a value greater than or equal to 0"),
        ("MAX_ACCURACY_M", "0", "a value greater than 0"),
        ("DWELL_FIXES", "2.0", "a whole number"),
        ("GAP_SECONDS", "86401", "a value less than or equal to 86400"),
        ("SENTRY_SAMPLE_RATE", "1e999", "a value less than or equal to 1"),
        ("POSTGRES_PORT", "5432.0", "a whole number"),
        ("POSTGRES_PORT", "9" * 5000, "a whole number"),
        ("POSTGRES_PORT", "65536", "a value less than or equal to 65535"),
        ("DAY_COLUMN", "id", "'created_at' or 'timestamp'"),
        ("LOG_LEVEL", "loud", "'DEBUG', 'INFO', 'WARN', 'WARNING', 'ERROR' or 'CRITICAL'"),
        ("LOG_LEVEL", "info\udce9", "'DEBUG', 'INFO', 'WARN', 'WARNING', 'ERROR' or 'CRITICAL'"),
        ("HEALTH_DETAILS", "maybe", "a valid boolean"),
        ("DAY_TIMEZONE", "Mars/Olympus", "an IANA time zone"),
        ("POSTGRES_DB", "", "a value at least 1 character"),
        ("POSTGRES_DB", "one\udce9two", "text in UTF-8"),
    ],
)
def test_error_names_the_setting_and_the_expected_value(name: str, value: str, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.parse({name: value})
    assert str(caught.value) == f"{name}: expected {expected}"


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (types.choice("gzip"), "zip", "'gzip'"),
        (types.bounded(types.number, gt=0, le=3600), "0", "a value greater than 0"),
        (types.bounded(types.number, gt=0, le=3600), "3601", "a value less than or equal to 3600"),
    ],
)
def test_parser_names_the_expected_value(parse: Callable[[str], object], text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=f"^expected {expected}$"):
        parse(text)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("HOME_LATITUDE", "4e1", 40.0),
        ("POSTGRES_PORT", "+0443", 443),
        ("POSTGRES_PORT", "0" * 4000 + "1", 1),
        ("LOG_LEVEL", "wArN", "WARN"),
        *(("HEALTH_DETAILS", text, True) for text in ("1", "On", "t", "TRUE", "y", "yes")),
        *(("HEALTH_DETAILS", text, False) for text in ("0", "Off", "f", "FALSE", "n", "no")),
    ],
)
def test_text_is_converted(name: str, text: str, value: object) -> None:
    parsed = getattr(Settings.parse({name: text}), name)
    assert (type(parsed), parsed) == (type(value), value)


def test_first_invalid_setting_in_the_order_of_the_class_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^DAY_COLUMN: "):
        Settings.parse({"SENTRY_SAMPLE_RATE": "2", "LOG_LEVEL": "loud", "DAY_COLUMN": "id"})


def test_absent_settings_have_their_defaults_and_other_names_are_ignored() -> None:
    assert Settings.parse({"PATH": "/bin"}) == Settings()


def test_secrets_are_not_shown() -> None:
    settings = Settings.parse({"POSTGRES_PASSWORD": "hunter2"})
    secret = settings.POSTGRES_PASSWORD
    assert secret is not None
    assert secret.get_secret_value() == "hunter2"
    assert "hunter2" not in f"{secret} {secret!r} {settings} {settings!r} {dataclasses.asdict(settings)}"


def test_secrets_are_compared_by_their_text() -> None:
    assert types.Secret("a") == types.Secret("a") != types.Secret("b")
    assert hash(types.Secret("a")) == hash(types.Secret("a"))
    assert types.Secret("a") != "a"
