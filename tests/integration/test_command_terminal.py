"""The command as a process: terminals that lack characters, pipes that close, full disks, Ctrl-C."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders import analysis
from tests.command_server import COMMANDS, SECRET, Server, run_server
from tests.integration.whole_stack import wait_until
from tests.unit.test_client import ID

pytestmark = pytest.mark.slow  # sixty starts of the command

CLIENT = Path(__file__).resolve().parents[2] / "client"
MAIN = "from otel_worker_client.cli import main; main()"
ENCODINGS: dict[str, dict[str, str]] = {
    "ASCII": {"PYTHONIOENCODING": "ascii"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "C locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "UTF-8": {"LC_ALL": "C.UTF-8"},
}


@pytest.fixture
def server() -> Iterator[Server]:
    with run_server() as server:
        yield server


def start(server: Server, folder: Path, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    variables = {"PYTHONPATH": str(CLIENT), "HOME": str(folder), "COLUMNS": "100", "OTEL_WORKER_URL": server.url}
    environ = {**variables, **options.pop("environ", {})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([sys.executable, "-c", MAIN, *arguments], cwd=folder, env=environ, **pipes)


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    assert b"Traceback" not in err, err
    assert SECRET.encode() not in err
    return process.returncode, (out or b"").decode("latin-1"), err.decode("latin-1")


@pytest.mark.parametrize(
    ("environ", "arguments"),
    [(ENCODINGS["ASCII"], arguments) for arguments in COMMANDS.values()]
    + [(environ, COMMANDS[name]) for environ in ENCODINGS.values() for name in ("list", "show")],
)
def test_output_fits_any_encoding(
    environ: dict[str, str], arguments: tuple[str, ...], server: Server, tmp_path: Path
) -> None:
    server.device = "garmin_\u2603"  # only Unicode encodings have this character
    code, out, err = finish(start(server, tmp_path, *arguments, environ=environ))
    assert (code, err) in {(0, ""), (0, "no device list yet: the next sweep queries the database within a minute\n")}
    if "UTF-8" not in environ.values() and "C.UTF-8" not in environ.values():
        assert out.isascii()
    if arguments[0] == "show":
        assert "km from home" in out
        assert "1.5" in out


@pytest.mark.parametrize("environ", ENCODINGS.values(), ids=ENCODINGS)
def test_bars_fit_any_encoding(environ: dict[str, str], server: Server, tmp_path: Path) -> None:
    server.analysis = analysis()
    code, out, err = finish(start(server, tmp_path, *COMMANDS["show"], environ=environ))
    assert (code, err) == (0, "")
    bar = "▁" * 32 + "█" * 40 if environ == ENCODINGS["UTF-8"] else "_" * 32 + "#" * 40
    assert bar in out.encode("latin-1").decode()


@pytest.mark.parametrize("environ", ENCODINGS.values(), ids=ENCODINGS)
def test_help_and_usage_errors_fit_any_encoding(environ: dict[str, str], server: Server, tmp_path: Path) -> None:
    assert finish(start(server, tmp_path, "--help", environ=environ))[0] == 0
    assert finish(start(server, tmp_path, "submit", "\u2603", environ={**environ, "LC_ALL": "C.UTF-8"}))[0] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        *(arguments for arguments in COMMANDS.values() if arguments[0] != "plot"),
        ("list", "--json"),
        ("show", ID, "--json"),
    ],
)
def test_closed_pipe_is_not_an_error(arguments: tuple[str, ...], server: Server, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = start(server, tmp_path, *arguments, stdout=writer)
    os.close(writer)
    code, _, err = finish(process)
    assert code == 141
    assert err in ("", "no device list yet: the next sweep queries the database within a minute\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_output_to_a_full_disk_is_one_line(arguments: tuple[str, ...], server: Server, tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        code, _, err = finish(start(server, tmp_path, *arguments, stdout=full))
    assert code == 1
    assert err.splitlines()[-1] == "No space left on device"


@pytest.mark.parametrize("name", ["download", "export", "show", "plot"])
def test_csv_without_disk_space_is_one_line(name: str, server: Server, tmp_path: Path) -> None:
    def limit_file_size() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    environ = {"TMPDIR": str(tmp_path), "MPLCONFIGDIR": str(tmp_path)}
    process = start(server, tmp_path, *COMMANDS[name], environ=environ, preexec_fn=limit_file_size)
    code, out, err = finish(process)
    assert (code, out) == (1, "")
    assert "File too large" in err.splitlines()[-1]
    assert not list(tmp_path.glob("*.part"))


def test_missing_temporary_folder_is_one_line(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(tmp_path / "file"))

    def limit_file_size() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    code, out, err = finish(start(server, tmp_path, *COMMANDS["show"], environ=environ, preexec_fn=limit_file_size))
    assert (code, out, err.count("\n")) == (1, "", 1)


@pytest.mark.parametrize("arguments", [COMMANDS["watch"], COMMANDS["submit and wait"], COMMANDS["range"]])
def test_ctrl_c_exits_immediately_without_output(arguments: tuple[str, ...], server: Server, tmp_path: Path) -> None:
    server.status = "processing"
    process = start(server, tmp_path, *arguments)
    wait_until(lambda: server.requests > 1)
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert (code, out, err) == (130, "", "")
