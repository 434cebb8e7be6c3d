from pathlib import Path

import pytest

from local import options
from local.parts import PORTS, Plan
from local.ports import chosen
from shared.errors import SettingsError


def plan(data_dir: Path, **settings: str) -> Plan:
    given = options.read({"DATA_DIR": str(data_dir), **settings})
    return Plan(given, {name: 20_000 + number for number, name in enumerate(PORTS)}, "instance")


def test_everything_has_its_default() -> None:
    given = options.read({"PORT": "", "DATA_DIR": ""})

    assert (given.port, given.data_dir.name, given.subscriber) == (8080, ".local", None)
    assert given.own_database
    assert given.own_storage


@pytest.mark.parametrize(
    ("name", "text"),
    [("PORT", "0"), ("PORT", "65536"), ("PORT", "8o80"), ("SUBSCRIBER", "ftp://x"), ("SUBSCRIBER", "http://x:port")],
)
def test_a_bad_option_is_named(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: "):
        options.read({name: text})


@pytest.mark.parametrize(
    "text",
    ["two\nlines", "a\ttab", "a\x00", "\udcff", "~nobody-of-this-name/data", "/" + "long/" * 100],
    ids=["line break", "tab", "null", "not UTF-8", "no such home", "too long"],
)
def test_a_data_folder_that_cannot_work_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^DATA_DIR: [ -~]+\Z"):
        options.read({"DATA_DIR": text})


@pytest.mark.parametrize("text", ["~/data", " ~/data", "~/data\n"])
def test_a_data_folder_in_the_home_directory_is_found(text: str) -> None:
    assert options.read({"DATA_DIR": text}).data_dir == Path("~/data").expanduser()


def test_white_space_around_an_option_is_no_part_of_it() -> None:
    given = options.read({"PORT": " 81\n", "SUBSCRIBER": "http://there/\n"})

    assert (given.port, given.subscriber) == (81, "http://there/")


def test_settings_go_to_the_functions_as_they_are(tmp_path: Path) -> None:
    told = plan(tmp_path, AWAY_THRESHOLD_KM="1.5", K_CE_OVERRIDES='{"extensions": {"a": "b"}}')

    for target in options.TARGETS:
        assert told.function(target)["AWAY_THRESHOLD_KM"] == "1.5"
        assert told.settings(target).ce_extensions == {"a": "b"}


def test_each_function_is_told_what_is_its_own_and_no_more(tmp_path: Path) -> None:
    told = plan(tmp_path)
    functions = {target: told.function(target) for target in options.TARGETS}

    assert {target for target, settings in functions.items() if "K_SINK" in settings} == {"submit", "calculate"}
    assert {target for target, settings in functions.items() if "DATABASE_URL" in settings} == {"calculate"}
    assert {settings["AWS_ACCESS_KEY_ID"] for settings in functions.values()} == set(options.TARGETS)


@pytest.mark.parametrize(("given", "grace"), [({}, "25"), ({"GRACE_SECONDS": "7"}, "7")])
def test_a_function_is_killed_after_its_grace_and_not_before(tmp_path: Path, given: dict[str, str], grace: str) -> None:
    for target in options.TARGETS:
        part = plan(tmp_path, **given)._function(target)
        assert part.environment["GRACE_SECONDS"] == grace
        assert part.stop_seconds > int(grace)


def test_what_another_part_could_misuse_is_inherited_by_none() -> None:
    secrets = {"DATABASE_URL": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_PROFILE": "x", "POSTGRES_PASSWORD": "x"}
    given = options.read({**secrets, "PATH": "/bin", "OTEL_SDK_DISABLED": "true", "GUNICORN_CMD_ARGS": "--reload"})

    inherited = given.for_all()

    assert set(inherited) == {"PATH", "OTEL_SDK_DISABLED", "NO_PROXY", "no_proxy", "PYTHONUTF8"}


def test_given_stores_take_the_place_of_our_own(tmp_path: Path) -> None:
    told = plan(
        tmp_path,
        DATABASE_URL="postgresql://there/db",
        AWS_ENDPOINT_URL_S3="https://s3.example",
        AWS_ACCESS_KEY_ID="key",
        AWS_SECRET_ACCESS_KEY="secret",
        AWS_SESSION_TOKEN="token",
        K_SINK="https://broker.example/",
    )

    calculate = told.function("calculate")
    assert calculate["DATABASE_URL"] == "postgresql://there/db"
    assert calculate["AWS_SESSION_TOKEN"] == "token"
    assert calculate["K_SINK"] == "https://broker.example/"
    assert told.function("list")["AWS_ACCESS_KEY_ID"] == "key"
    assert "DATABASE_URL" not in told.function("list")


def test_two_public_ports_have_inner_ports_of_their_own() -> None:
    first, again, second = chosen(PORTS, 8080), chosen(PORTS, 8080), chosen(PORTS, 8081)

    assert first == again
    assert not set(first.values()) & set(second.values())


def test_what_asks_callers_who_they_are_is_for_those_that_callers_reach(tmp_path: Path) -> None:
    door = {"API_KEYS": "k" * 32, "AUTH_ISSUER": "https://issuer.example", "RATE_LIMIT_STATUS": "5"}
    told = plan(tmp_path, **door)
    for target in ("submit", "status", "list"):
        assert door.items() <= told.function(target).items()
    assert not door.keys() & told.function("calculate").keys()
    assert options.open_door({**door, "PORT": "1"}) == {"PORT": "1"}
