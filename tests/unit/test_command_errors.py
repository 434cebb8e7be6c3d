"""The command's failures: one line on stderr, nothing on stdout, and the documented exit code."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from otel_worker_client.cli import commands, output
from typer.testing import CliRunner

from tests.command_server import COMMANDS, SECRET, Server, run_server
from tests.unit.test_client import ID

NAMES = ("OTEL_WORKER_URL", "OTEL_WORKER_TOKEN", "OTEL_WORKER_API_KEY", "http_proxy", "HTTP_PROXY", "no_proxy")
OTHERS = dict.fromkeys(NAMES)


@pytest.fixture
def server() -> Iterator[Server]:
    with run_server() as server:
        yield server


def run_failing(*arguments: str, code: int, **environ: str) -> str:
    """Run a command that fails with `code`, and return its only line on stderr."""
    run = CliRunner().invoke(commands.app, arguments, env={**OTHERS, **environ})
    assert run.exit_code == code, (run.stderr, run.exception)
    assert run.stdout == ""
    assert SECRET not in run.stderr
    assert run.stderr.count("\n") == 1
    return run.stderr


BAD_CONFIGURATION: dict[str, tuple[dict[str, str], str]] = {
    "no scheme": ({"OTEL_WORKER_URL": "127.0.0.1:8080"}, "http:// or https:// is expected"),
    "password": ({"OTEL_WORKER_URL": f"http://user:{SECRET}@worker"}, "is not supported"),
    "token": ({"OTEL_WORKER_TOKEN": f"{SECRET}\nx"}, "visible ASCII characters are expected"),
    "key": ({"OTEL_WORKER_API_KEY": f"{SECRET}\u20ac"}, "visible ASCII characters are expected"),
    "proxy": ({"http_proxy": f"ftp://user:{SECRET}@proxy"}, "check the URL and the proxy settings"),
    "CA bundle": (
        {"OTEL_WORKER_URL": "https://127.0.0.1:9", "REQUESTS_CA_BUNDLE": "none.pem"},
        "check REQUESTS_CA_BUNDLE",
    ),
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(("environ", "text"), BAD_CONFIGURATION.values(), ids=BAD_CONFIGURATION)
def test_bad_configuration_is_one_line(arguments: tuple[str, ...], environ: dict[str, str], text: str) -> None:
    assert text in run_failing(
        *arguments, code=output.INVALID, **{"OTEL_WORKER_URL": "http://worker.invalid", **environ}
    )


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_other_server_at_the_url_is_one_line(arguments: tuple[str, ...], server: Server) -> None:
    server.page = b"<html>It works!</html>"
    text = run_failing(*arguments, code=output.INVALID, OTEL_WORKER_URL=server.url)
    assert "service is not at its configured URL" in text
    assert "OTEL_WORKER_URL" in text or "_ENDPOINT" in text


@pytest.mark.parametrize("name", ["download", "download by date", "export", "plot"])
@pytest.mark.parametrize("problem", ["no folder", "a file instead of a folder", "a folder instead of a file"])
def test_file_that_cannot_be_written_is_one_line(name: str, problem: str, server: Server, tmp_path: Path) -> None:
    location = tmp_path / "none"
    if problem == "a file instead of a folder":
        (tmp_path / "file").write_text("")
        location = tmp_path / "file"
    target = location / "day.svg"
    if problem == "a folder instead of a file":
        target.mkdir(parents=True)
        (target / "file").write_text("")
        (location / "day.csv.part").mkdir()
        target = location / ("day.svg" if name == "plot" else "day.csv")
    options = {"plot": COMMANDS["plot"][:2], "export": (*COMMANDS["export"], "--output")}
    arguments = (*options.get(name, (*COMMANDS[name], "--into")), str(target))
    text = run_failing(*arguments, code=output.FAILED, OTEL_WORKER_URL=server.url)
    assert str(location) in text


@pytest.mark.parametrize(
    "location", ["1.2.3,4", "here", "1", "1,2,3", ",", "-,-", ".,1", "nan,1", "inf,1", "1e5,2", "", "1,", "--,1"]
)
@pytest.mark.parametrize("command", ["submit", "range"])
def test_invalid_home_is_a_usage_error(command: str, location: str) -> None:
    run = CliRunner().invoke(commands.app, [*COMMANDS[command], f"--home={location}"], env={**OTHERS})
    assert (run.exit_code, run.stdout) == (2, "")
    assert "latitude,longitude in degrees is expected" in run.stderr


@pytest.mark.parametrize(
    ("location", "home"), [("1.5,-2", (1.5, -2)), (" 51.5 , -.1 ", (51.5, -0.1)), ("1.,2", (1, 2))]
)
def test_home_may_have_spaces_and_short_decimals(location: str, home: tuple[float, float]) -> None:
    assert commands._parse_home(location) == home


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "far", ""])
@pytest.mark.parametrize("command", ["submit", "range"])
def test_invalid_threshold_is_a_usage_error(command: str, number: str) -> None:
    run = CliRunner().invoke(commands.app, [*COMMANDS[command], f"--away-km={number}"], env={**OTHERS})
    assert (run.exit_code, run.stdout) == (2, "")
    assert "--away-km" in run.stderr


@pytest.mark.parametrize("key", ["night\nly", "é", "k" * 256])
def test_invalid_key_is_one_line(key: str) -> None:
    run_failing("submit", "2026-01-25", "--key", key, code=output.INVALID, OTEL_WORKER_URL="http://worker.invalid")


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (KeyboardInterrupt(), output.INTERRUPTED, ""),
        (BrokenPipeError(32, "Broken pipe"), output.BROKEN_PIPE, ""),
        (
            PermissionError(13, "Permission denied", "/data/day.csv"),
            output.FAILED,
            "/data/day.csv: Permission denied\n",
        ),
        (OSError(28, "No space left on device"), output.FAILED, "No space left on device\n"),
        (OSError("odd"), output.FAILED, "OSError\n"),
    ],
)
def test_exit_codes_of_system_errors(
    error: BaseException, code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as exited, output.exit_codes():
        raise error
    assert exited.value.exit_code == code
    assert capsys.readouterr().err == text


def test_status_of_a_job_is_printed(server: Server) -> None:
    run = CliRunner().invoke(commands.app, ["status", ID], env={**OTHERS, "OTEL_WORKER_URL": f" {server.url}/ "})
    assert run.exit_code == 0
    assert "completed" in run.stdout
