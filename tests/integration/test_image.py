"""The folders of the image, created by the script that the Containerfile runs, and the functions started from them."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.install import pip_environment
from local.stack import Stack
from shared.config.settings import Settings
from tests.integration.processes import COMMAND, ROOT, environment, function
from tests.integration.whole_stack import send_request, wait_for_end
from tools import image

pytestmark = pytest.mark.slow  # pip installs into two folders

TARGETS = ("submit", "calculate", "status", "list")
LOCK = ROOT / "requirements" / "access.txt"  # the larger of the two locks of images
_S3_SCRIPT = """
import os, boto3
s3 = boto3.client("s3", region_name="us-east-1")
bucket = os.environ["CSV_BUCKET"]
upload = s3.create_multipart_upload(Bucket=bucket, Key="csv/tree")["UploadId"]
part = s3.upload_part(Bucket=bucket, Key="csv/tree", UploadId=upload, PartNumber=1, Body=b"whole")["ETag"]
s3.complete_multipart_upload(Bucket=bucket, Key="csv/tree", UploadId=upload,
                             MultipartUpload={"Parts": [{"ETag": part, "PartNumber": 1}]})
boto3.client("sts", region_name="us-east-1")  # how a pod gets credentials without keys
print(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "csv/tree"}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image") / "tree"
    process = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "image.py"), str(folder)],
        env=pip_environment(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return folder


def inside(folder: Path) -> dict[str, str]:
    """Return the environment of the image for other folders."""
    return {
        "PYTHONPATH": f"{folder}/packages:{folder}/app",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONSAFEPATH": "1",
        "HOME": "/tmp",
    }


def python(folder: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    env = {"PATH": os.environ["PATH"]} | inside(folder) | variables
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder / "app",
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_image_is_small_and_has_no_tools_or_tests(folder: Path) -> None:
    assert 50 < image.megabytes(folder) <= image.MAX_MEGABYTES["functions"]
    names = {path.name for path in (folder / "packages").iterdir()}
    assert not names & {"pip", "setuptools", "pytest", "moto", "pandas", "matplotlib", "uv", "mypy", "bin"}
    assert not list(image.unused_files(folder / "packages"))


def test_modules_are_compiled_with_unchecked_hashes(folder: Path) -> None:
    for path in (folder / "app").rglob("*.py"):
        if path.name != "gunicorn.conf.py":
            (compiled,) = (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc")
            assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 0b01, "unchecked, by hash"


def test_the_functions_process_a_job_without_changing_the_image(folder: Path, stack: Stack, tmp_path: Path) -> None:
    before = content(folder)
    for target in TARGETS:
        settings = {**stack.plan.function_environment(target), **inside(folder)}
        with function(target, settings, tmp_path / target, folder / "app") as running:
            assert running.send_request("GET", "/readyz").status == 200, (tmp_path / target).read_text()
            if target == "submit":
                response = running.send_request(
                    "POST", "/api/distance/calculate", {"date": "2026-01-20", "device_id": "garmin"}
                )
                job_id = str(response.json["job_id"])
            if target == "calculate":
                assert running.deliver("0198c0de-0000-7000-8000-00000000f00d", "2026-01-20", "garmin").status == 200
            if target == "status":
                job = running.send_request("GET", f"/api/distance/jobs/{job_id}")
                assert job.json["status"] in ("queued", "processing", "completed")
            if target == "list":
                assert job_id in [
                    listed["job_id"] for listed in running.send_request("GET", "/api/distance/jobs").json["jobs"]
                ]
    assert wait_for_end(stack, job_id)["status"] == "completed"
    assert content(folder) == before


def test_boto3_can_upload_in_parts_and_presign_urls(folder: Path, stack: Stack) -> None:
    keys = {name: text for name, text in stack.plan.function_environment("calculate").items() if name.startswith("AWS")}
    process = python(folder, "-c", _S3_SCRIPT, **keys, CSV_BUCKET=Settings().CSV_BUCKET)
    assert process.returncode == 0, process.stderr
    assert send_request("GET", process.stdout.strip()).body == b"whole"


@pytest.mark.parametrize("target", TARGETS)
def test_a_missing_setting_stops_the_start_with_one_line(folder: Path, stack: Stack, target: str) -> None:
    settings = (
        environment(target, stack.plan.function_environment(target)) | inside(folder) | {"AWS_SECRET_ACCESS_KEY": ""}
    )
    process = python(folder, *COMMAND[1:], **settings)
    assert process.returncode != 0
    assert (process.stdout + process.stderr).splitlines() == ["AWS_SECRET_ACCESS_KEY: this setting is missing"]


def test_the_commands_of_the_jobs_are_installed(folder: Path) -> None:
    for command in ("buckets", "smoke", "forget", "relist"):
        assert python(folder, "-m", "admin", command, "--help").returncode == 0


def test_no_package_outside_the_image_is_imported(folder: Path) -> None:
    script = "import json, sys, functions_framework, boto3, numpy, psycopg, minio; print(json.dumps(sys.path))"
    import_path = json.loads(python(folder, "-S", "-c", script).stdout)
    assert not [entry for entry in import_path if "site-packages" in entry]


@pytest.fixture(scope="module")
def resolved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, "subprocess.Popen[str]"]]:
    """Start pip for both architectures in parallel."""
    base = (ROOT / "Containerfile").read_text(encoding="utf-8").split("python:", 1)[1].split("-", 1)[0]
    running = {}
    for machine in ("x86_64", "aarch64"):
        platforms = [f"manylinux_2_{minor}_{machine}" for minor in (17, 28, 34)] + [f"manylinux2014_{machine}"]
        command = [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"),
            *("--require-hashes", "--only-binary", ":all:", "--implementation", "cp", "--python-version", base),
            *(word for platform in platforms for word in ("--platform", platform)),
            *("--target", str(tmp_path_factory.mktemp(machine)), "-r", str(LOCK)),
        ]
        running[machine] = subprocess.Popen(
            command, env=pip_environment(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
    yield running
    for process in running.values():
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_package_has_a_wheel_for_the_architecture(
    machine: str, resolved: dict[str, "subprocess.Popen[str]"]
) -> None:
    _, stderr = resolved[machine].communicate()
    assert resolved[machine].returncode == 0, stderr
