from pathlib import Path

import pytest

from local import options
from local.components import PORTS, Plan
from local.ports import assign_ports
from shared.errors import SettingsError


def plan(data_dir: Path, **settings: str) -> Plan:
    read = options.read({"DATA_DIR": str(data_dir), **settings})
    return Plan(read, {name: 20_000 + number for number, name in enumerate(PORTS)}, "instance")


def test_defaults() -> None:
    read = options.read({"PORT": "", "DATA_DIR": ""})

    assert (read.port, read.data_dir.name, read.subscriber) == (8080, ".local", None)
    assert read.embedded_database
    assert read.embedded_storage


@pytest.mark.parametrize(
    ("name", "text"),
    [("PORT", "0"), ("PORT", "65536"), ("PORT", "8o80"), ("SUBSCRIBER", "ftp://x"), ("SUBSCRIBER", "http://x:port")],
)
def test_an_invalid_option_is_named(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: "):
        options.read({name: text})


@pytest.mark.parametrize(
    "text",
    ["two\nlines", "a\ttab", "a\x00", "\udcff", "~nobody-of-this-name/data", "/" + "long/" * 100],
    ids=["line break", "tab", "null", "not UTF-8", "no such home", "too long"],
)
def test_an_invalid_data_folder_is_rejected_in_one_line(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^DATA_DIR: [ -~]+\Z"):
        options.read({"DATA_DIR": text})


@pytest.mark.parametrize("text", ["~/data", " ~/data", "~/data\n"])
def test_the_data_folder_expands_the_home_directory(text: str) -> None:
    assert options.read({"DATA_DIR": text}).data_dir == Path("~/data").expanduser()


def test_white_space_around_an_option_is_ignored() -> None:
    read = options.read({"PORT": " 81\n", "SUBSCRIBER": "http://there/\n"})

    assert (read.port, read.subscriber) == (81, "http://there/")


def test_settings_reach_the_functions_unchanged(tmp_path: Path) -> None:
    stack_plan = plan(tmp_path, AWAY_THRESHOLD_KM="1.5", K_CE_OVERRIDES='{"extensions": {"a": "b"}}')

    for target in options.TARGETS:
        assert stack_plan.function_environment(target)["AWAY_THRESHOLD_KM"] == "1.5"
        assert stack_plan.settings(target).ce_extensions == {"a": "b"}


def test_each_function_gets_only_its_own_settings(tmp_path: Path) -> None:
    stack_plan = plan(tmp_path)
    functions = {target: stack_plan.function_environment(target) for target in options.TARGETS}

    assert {target for target, settings in functions.items() if "K_SINK" in settings} == {"submit", "calculate"}
    assert {target for target, settings in functions.items() if "DATABASE_URL" in settings} == {"calculate"}
    keys = {target: settings.get("AWS_ACCESS_KEY_ID") for target, settings in functions.items()}
    assert keys == {**{target: target for target in options.STORAGE_TARGETS}, "web": None}


@pytest.mark.parametrize("endpoint", ["", "https://s3.example"])
def test_the_page_gets_no_credentials(tmp_path: Path, endpoint: str) -> None:
    secrets = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
    secrets |= {"API_KEYS": "k" * 32, "DATABASE_URL": "postgresql://there/db", "RATE_LIMIT_STORE": "redis://store"}
    stack_plan = plan(tmp_path, LIST_URL="https://list.example", AWS_ENDPOINT_URL_S3=endpoint, **secrets)

    environment = stack_plan.function_environment("web")

    assert not secrets.keys() & environment.keys()
    assert environment["LIST_URL"] == "https://list.example"
    assert environment["AWS_ENDPOINT_URL_S3"] == endpoint or environment["AWS_ENDPOINT_URL_S3"].startswith("http://127")


@pytest.mark.parametrize(("settings", "grace"), [({}, "25"), ({"GRACE_SECONDS": "7"}, "7")])
def test_a_function_is_killed_only_after_its_grace_period(tmp_path: Path, settings: dict[str, str], grace: str) -> None:
    for target in options.TARGETS:
        component = plan(tmp_path, **settings)._function(target)
        assert component.environment["GRACE_SECONDS"] == grace
        assert component.stop_seconds > int(grace)


def test_components_inherit_no_settings_and_no_secrets() -> None:
    secrets = {"DATABASE_URL": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_PROFILE": "x", "POSTGRES_PASSWORD": "x"}
    read = options.read({**secrets, "PATH": "/bin", "OTEL_SDK_DISABLED": "true", "GUNICORN_CMD_ARGS": "--reload"})

    inherited = read.common_environment()

    assert set(inherited) == {"PATH", "OTEL_SDK_DISABLED", "NO_PROXY", "no_proxy", "PYTHONUTF8"}


def test_external_stores_replace_the_embedded_ones(tmp_path: Path) -> None:
    stack_plan = plan(
        tmp_path,
        DATABASE_URL="postgresql://there/db",
        AWS_ENDPOINT_URL_S3="https://s3.example",
        AWS_ACCESS_KEY_ID="key",
        AWS_SECRET_ACCESS_KEY="secret",
        AWS_SESSION_TOKEN="token",
        K_SINK="https://broker.example/",
    )

    calculate = stack_plan.function_environment("calculate")
    assert calculate["DATABASE_URL"] == "postgresql://there/db"
    assert calculate["AWS_SESSION_TOKEN"] == "token"
    assert calculate["K_SINK"] == "https://broker.example/"
    assert stack_plan.function_environment("list")["AWS_ACCESS_KEY_ID"] == "key"
    assert "DATABASE_URL" not in stack_plan.function_environment("list")


def test_different_public_ports_get_different_internal_ports() -> None:
    first, repeated, second = assign_ports(PORTS, 8080), assign_ports(PORTS, 8080), assign_ports(PORTS, 8081)

    assert first == repeated
    assert not set(first.values()) & set(second.values())


def test_authentication_settings_reach_the_functions_of_the_api(tmp_path: Path) -> None:
    auth = {"API_KEYS": "k" * 32, "AUTH_ISSUER": "https://issuer.example", "RATE_LIMIT_STATUS": "5"}
    stack_plan = plan(tmp_path, **auth)
    for target in ("submit", "status", "list"):
        assert auth.items() <= stack_plan.function_environment(target).items()
    for target in ("calculate", "web"):
        assert not auth.keys() & stack_plan.function_environment(target).keys()
    assert options.without_authentication({**auth, "PORT": "1"}) == {"PORT": "1"}
