"""The client installed from its wheel into an empty environment, without and with the extra `cli`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.install import pip_environment
from local.stack import Stack

pytestmark = pytest.mark.slow  # pip installs into a virtual environment

ROOT = Path(__file__).resolve().parents[2]
_SCRIPT = """
import importlib.util, pathlib, sys
from otel_worker_client import Client
assert not [name for name in ("functions", "shared", "opentelemetry", "boto3") if importlib.util.find_spec(name)]
with Client.from_environ() as client:
    job = client.wait(client.submit("2026-01-21", "iphone_stuart").job_id)
    print(job.result.total_locations, client.download(job, pathlib.Path(sys.argv[1])).stat().st_size)
    client.delete(job.job_id)
"""


def test_installed_wheel_runs_a_job(stack: Stack, tmp_path: Path) -> None:
    inherited = {name: text for name, text in pip_environment(os.environ).items() if not name.startswith("COV")}

    def run(*command: str, **variables: str) -> str:
        process = subprocess.run(
            command, cwd=tmp_path, env={**inherited, **variables}, capture_output=True, text=True, check=False
        )
        assert process.returncode == 0, process.stderr
        return process.stdout

    source = shutil.copytree(ROOT / "client", tmp_path / "source")  # the build writes into its source folder
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(source))
    (wheel,) = tmp_path.glob("otel_worker_client-*-py3-none-any.whl")
    run(sys.executable, "-m", "venv", "env")
    run("env/bin/python", "-m", "pip", "install", "--quiet", str(wheel))
    fixes, size = run("env/bin/python", "-c", _SCRIPT, str(tmp_path), OTEL_WORKER_URL=stack.url).split()
    assert int(fixes) == 1463
    assert int(size) > 100_000
    without_extra = subprocess.run([tmp_path / "env/bin/otel-worker"], capture_output=True, text=True, check=False)
    assert (without_extra.returncode, without_extra.stderr) == (
        1,
        "typer is missing: install otel-worker-client with the extra cli\n",
    )
    run("env/bin/python", "-m", "pip", "install", "--quiet", f"{wheel}[cli]")
    assert "range" in run("env/bin/otel-worker", "--help")
    assert "2026-01-21" in run("env/bin/otel-worker", "submit", "2026-01-21", "--wait", OTEL_WORKER_URL=stack.url)
