"""The environment that `make` passes to Python, pip and the development tools."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.install import pip_environment
from tests.integration import hostile

ROOT = Path(__file__).resolve().parents[2]
_INDEX = "https://index.example/simple"
# Prints how it was called, then its environment.
_PYTHON = """#!/bin/sh
if [ "$3" = venv ]; then mkdir -p "$4/bin" && cp "$0" "$4/bin/python"; fi
echo "ran $*"
env | sed 's/^/  /'
"""


def make(folder: Path, *arguments: str, **variables: str) -> dict[str, dict[str, str]]:
    """Run `make` and return the environment of each call of Python, by its arguments."""
    env = {"PATH": os.environ["PATH"], **hostile.VARIABLES, "MAKEFLAGS": "", "HOME": str(folder), **variables}
    run = subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    calls: dict[str, dict[str, str]] = {}
    for line in run.stdout.splitlines():
        if line.startswith("ran "):
            calls[line.removeprefix("ran ")] = environment = {}
        elif line.startswith("  "):
            name, _, text = line.strip().partition("=")
            environment[name] = text
    return calls


def write_fake_python(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_PYTHON)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    "target", ["demo", "up", "observe", "buckets", "forget", "manifests", "test", "bench", "accuracy", "chaos"]
)
def test_no_variable_of_the_interpreter_or_the_tools_reaches_a_command(target: str, tmp_path: Path) -> None:
    write_fake_python(tmp_path / "venv" / "bin" / "python")
    for stamp in ("dev.stamp", "local.stamp", "accuracy.stamp"):
        (tmp_path / "venv" / stamp).touch()

    ((_, environment),) = make(tmp_path, f"VENV={tmp_path / 'venv'}", f"ACCURACY={tmp_path / 'venv'}", target).items()

    own = {
        name: text for name, text in environment.items() if name.startswith(("PYTHON", "PYTEST", "COV", "MYPY", "RUFF"))
    }
    assert own == {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    assert not {"VIRTUAL_ENV", "CDPATH", "YAMLLINT_CONFIG_FILE", "MAKEFLAGS"} & environment.keys()


def test_the_virtual_environment_is_created_without_variables_of_the_interpreter(tmp_path: Path) -> None:
    python = write_fake_python(tmp_path / "python")

    calls = make(tmp_path, f"VENV={tmp_path / 'venv'}", f"PYTHON={python}", f"{tmp_path / 'venv'}/local.stamp")

    call = next(arguments for arguments in calls if "venv" in arguments)
    assert call == f"-I -m venv {tmp_path / 'venv'}"
    assert "-I local/install.py local" in calls
    for environment in calls.values():
        assert not {name for name in environment if name.startswith("PYTHON")} - {"PYTHONPATH", "PYTHONUTF8"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    hostile.write_home(tmp_path)
    return tmp_path


def options(environ: dict[str, str]) -> dict[str, str]:
    """Return the options of pip's environment."""
    environment = pip_environment({"PATH": os.environ["PATH"], **environ})
    assert environment.pop("PIP_CONFIG_FILE") == os.devnull
    assert environment.pop("PIP_DISABLE_PIP_VERSION_CHECK") == "1"
    return {name: text for name, text in environment.items() if name.startswith(("PIP_", "PYTHON"))}


def test_pip_gets_no_option_that_changes_what_is_installed_or_where(home: Path) -> None:
    assert options({**hostile.VARIABLES, "HOME": str(home)}) == {}


def test_pip_keeps_index_options_of_files_and_variables(home: Path) -> None:
    config = home / ".config" / "pip" / "pip.conf"
    config.write_text(
        f"[global]\nuser = true\nindex-url = {_INDEX}\nextra-index-url =\n  https://a.example\n  https://b.example\n"
        "[install]\nretries = 7\n"
    )
    variables = {"PIP_CERT": "/ca.pem", "PIP_RETRIES": "9", "PIP_USER": "1", "PIP_PROXY": "http://proxy.example:3128"}

    environment = options({**variables, "HOME": str(home)})

    assert environment.pop("PIP_EXTRA_INDEX_URL").split() == ["https://a.example", "https://b.example"]
    assert environment == {
        "PIP_INDEX_URL": _INDEX,
        "PIP_CERT": "/ca.pem",
        "PIP_RETRIES": "9",
        "PIP_PROXY": "http://proxy.example:3128",
    }


def test_pip_keeps_proxies_and_certificates_that_exist() -> None:
    environment = pip_environment({**hostile.VARIABLES, "CURL_CA_BUNDLE": sys.executable})

    assert environment["https_proxy"] == hostile.VARIABLES["https_proxy"]
    assert environment["no_proxy"] == hostile.VARIABLES["no_proxy"]
    assert environment["CURL_CA_BUNDLE"] == sys.executable
    assert not {"REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"} & environment.keys()
