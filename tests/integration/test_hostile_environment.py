"""The commands with unrelated or invalid environment variables and configuration files, and in unusual folders."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from local import object_storage
from local.stack import Stack, run_stack
from tests.integration import hostile
from tests.integration.ports import free_port
from tests.integration.whole_stack import stack_options, submit, wait_for_end

ROOT = Path(__file__).resolve().parents[2]


# With an external storage, boto3's own variables apply, so they must be valid.
VALID_AWS_VARIABLES = {
    "AWS_SESSION_TOKEN": "",
    "AWS_DEFAULTS_MODE": "legacy",
    "AWS_METADATA_SERVICE_TIMEOUT": "1",
    "AWS_REGION": "us-east-1",
}


def prepared_venv(folder: Path) -> Path:
    """Create a folder that `make` accepts as an installed virtual environment. Its Python is the current one."""
    (folder / "bin").mkdir(parents=True)
    python = folder / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    for stamp in ("dev.stamp", "local.stamp"):
        (folder / stamp).touch()
    return folder


def make(folder: Path, target: str, **settings: object) -> "subprocess.CompletedProcess[str]":
    """Run `make TARGET` in the hostile environment, with `settings` as environment variables."""
    home = folder / "home"
    hostile.write_home(home)
    own = {name: str(value) for name, value in settings.items()}
    return subprocess.run(
        ["make", f"VENV={prepared_venv(folder / 'venv')}", target],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **hostile.VARIABLES, "HOME": str(home), **own},
        umask=hostile.UMASK,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.mark.slow
def test_make_demo_works_in_a_hostile_environment(tmp_path: Path) -> None:
    run = make(tmp_path, "demo", DATA_DIR=tmp_path / "data, with a comma")

    assert run.stderr == ""
    assert run.returncode == 0
    assert "1,463" in run.stdout
    assert list((tmp_path / "data, with a comma" / "demo").glob("distance_20260121_iphone_stuart_*.csv"))


@pytest.mark.slow
def test_make_observe_works_in_a_hostile_environment(tmp_path: Path) -> None:
    run = make(tmp_path, "observe", DATA_DIR=tmp_path / "data", ONCE=1, PORT=free_port())

    assert run.stderr == ""
    assert run.returncode == 0
    assert "distance-submit" in run.stdout
    assert "distance-calculate" in run.stdout


def test_make_buckets_works_in_a_hostile_environment(stack: Stack, tmp_path: Path) -> None:
    storage = {
        **object_storage.access_keys(stack.plan.options.data_dir, object_storage.ADMIN),
        "AWS_ENDPOINT_URL_S3": stack.plan.function_environment("status")["AWS_ENDPOINT_URL_S3"],
        **VALID_AWS_VARIABLES,
    }
    run = make(tmp_path, "buckets", **storage, JOBS_BUCKET="hostile-jobs", CSV_BUCKET="hostile-csv")

    assert run.stderr == ""
    assert run.returncode == 0
    assert "bucket hostile-jobs: created" in run.stdout


ODD_NAME = (
    """  a,b:c;d=e|f&g it's "quoted" `back` -C \\n %(here)s 100% ${HOME} $(false) ~ * [x] {y,z} \u00f6 \u4e16\u754c"""
)


@pytest.mark.slow
def test_the_data_folder_may_have_any_printable_name(tmp_path: Path) -> None:
    with run_stack(stack_options(DATA_DIR=tmp_path / ODD_NAME)) as stack:
        assert wait_for_end(stack, submit(stack))["status"] == "completed"

    assert (tmp_path / ODD_NAME / "objects").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == [ODD_NAME]


@pytest.mark.slow
def test_the_data_folder_may_be_a_relative_link_to_a_long_path(tmp_path: Path) -> None:
    target = tmp_path
    while len(os.fsencode(target)) < 350:
        target /= "long" * 10
    target.mkdir(parents=True)
    (tmp_path / "link").symlink_to(target)

    with run_stack(stack_options(DATA_DIR=os.path.relpath(tmp_path / "link"))) as stack:
        assert wait_for_end(stack, submit(stack))["status"] == "completed"

    assert (target / "postgres").is_dir()


_REACH = """
import sys
from local import demo, environment
environment.restrict_process_environment()
from shared.config.settings import Settings
from shared.storage.bucket import Bucket, client
keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
for url in sys.argv[1:]:
    Bucket(client(Settings.parse({**keys, "AWS_ENDPOINT_URL_S3": url})), "bucket").ping()
    assert demo._request("GET", f"{url}/bucket/object").status == 200
"""


class Storage(BaseHTTPRequestHandler):
    """Responds to every request with an empty listing, as a storage or as a proxy."""

    paths: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.paths.append(self.path)
        body = b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></ListBucketResult>'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def test_external_storage_is_reached_through_the_proxy_and_loopback_directly(tmp_path: Path) -> None:
    hostile.write_home(tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), Storage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        local_url, storage_url = f"http://127.0.0.1:{server.server_port}", "http://storage.example:9000"
        variables = {
            **{name: text for name, text in hostile.VARIABLES.items() if not name.startswith(("PYTHON", "COVERAGE"))},
            **VALID_AWS_VARIABLES,
            **dict.fromkeys(("http_proxy", "HTTP_PROXY"), local_url),
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "AWS_ENDPOINT_URL_S3": storage_url,  # boto3's other variables apply
        }
        subprocess.run([sys.executable, "-c", _REACH, storage_url, local_url], env=variables, check=True, timeout=60)
        server.shutdown()

    through_proxy = [path.startswith(storage_url) for path in Storage.paths]
    assert through_proxy == [True, True, False, False]
