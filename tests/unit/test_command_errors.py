"""The command's failures: one line on stderr, nothing on stdout, and the documented exit code."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from otel_worker_client.cli import commands, output
from typer.testing import CliRunner

from tests.command_server import COMMANDS, SECRET, Server, serving
from tests.unit.test_client import ID

NAMES = ("OTEL_WORKER_URL", "OTEL_WORKER_TOKEN", "OTEL_WORKER_API_KEY", "http_proxy", "HTTP_PROXY", "no_proxy")
OTHERS = dict.fromkeys(NAMES)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


def failed(*words: str, code: int, **environ: str) -> str:
    """The one line on stderr of a command that ends with this code."""
    run = CliRunner().invoke(commands.app, words, env={**OTHERS, **environ})
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


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(("environ", "text"), BAD_CONFIGURATION.values(), ids=BAD_CONFIGURATION)
def test_bad_configuration_is_one_line(words: tuple[str, ...], environ: dict[str, str], text: str) -> None:
    assert text in failed(*words, code=output.INVALID, **{"OTEL_WORKER_URL": "http://worker.invalid", **environ})


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_other_server_at_the_url_is_one_line(words: tuple[str, ...], server: Server) -> None:
    server.page = b"<html>It works!</html>"
    text = failed(*words, code=output.INVALID, OTEL_WORKER_URL=server.url)
    assert "service is not at its configured URL" in text
    assert "OTEL_WORKER_URL" in text or "_ENDPOINT" in text


@pytest.mark.parametrize("name", ["download", "download by date", "plot"])
@pytest.mark.parametrize("problem", ["no folder", "a file is no folder", "a directory is in the way"])
def test_file_that_cannot_be_written_is_one_line(name: str, problem: str, server: Server, tmp_path: Path) -> None:
    place = tmp_path / "none"
    if problem == "a file is no folder":
        (tmp_path / "file").write_text("")
        place = tmp_path / "file"
    target = place / "day.svg"
    if problem == "a directory is in the way":
        target.mkdir(parents=True)
        (target / "kept").write_text("")
        (place / "day.csv.part").mkdir()
        target = place / ("day.svg" if name == "plot" else "day.csv")
    words = (*COMMANDS[name][:2], *(() if name == "plot" else ("--into",)), str(target))
    text = failed(*words, code=output.FAILED, OTEL_WORKER_URL=server.url)
    assert str(place) in text


@pytest.mark.parametrize(
    "place", ["1.2.3,4", "here", "1", "1,2,3", ",", "-,-", ".,1", "nan,1", "inf,1", "1e5,2", "", "1,", "--,1"]
)
@pytest.mark.parametrize("command", ["submit", "range"])
def test_home_that_is_no_place_is_a_usage_error(command: str, place: str) -> None:
    run = CliRunner().invoke(commands.app, [*COMMANDS[command], f"--home={place}"], env={**OTHERS})
    assert (run.exit_code, run.stdout) == (2, "")
    assert "latitude,longitude in degrees is expected" in run.stderr


@pytest.mark.parametrize(("place", "home"), [("1.5,-2", (1.5, -2)), (" 51.5 , -.1 ", (51.5, -0.1)), ("1.,2", (1, 2))])
def test_home_is_read_as_people_write_it(place: str, home: tuple[float, float]) -> None:
    assert commands._parse_home(place) == home


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "far", ""])
@pytest.mark.parametrize("command", ["submit", "range"])
def test_threshold_that_is_no_number_is_a_usage_error(command: str, number: str) -> None:
    run = CliRunner().invoke(commands.app, [*COMMANDS[command], f"--away-km={number}"], env={**OTHERS})
    assert (run.exit_code, run.stdout) == (2, "")
    assert "--away-km" in run.stderr


@pytest.mark.parametrize("key", ["night\nly", "é", "k" * 256])
def test_key_that_no_header_carries_is_one_line(key: str) -> None:
    failed("submit", "2026-01-25", "--key", key, code=output.INVALID, OTEL_WORKER_URL="http://worker.invalid")


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
def test_exit_code_of_the_system_s_errors(
    error: BaseException, code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, output.exit_codes():
        raise error
    assert ended.value.exit_code == code
    assert capsys.readouterr().err == text


def test_status_of_a_job_is_printed(server: Server) -> None:
    run = CliRunner().invoke(commands.app, ["status", ID], env={**OTHERS, "OTEL_WORKER_URL": f" {server.url}/ "})
    assert run.exit_code == 0
    assert "completed" in run.stdout
