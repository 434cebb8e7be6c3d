"""The workflows of GitHub are valid, audited, pinned, and have minimal permissions."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # PyYAML has no type information

from tests.contract.markdown import ROOT

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in FILES}
JOBS = {f"{file}/{name}": job for file, workflow in WORKFLOWS.items() for name, job in workflow["jobs"].items()}
CALLED = {f"{job} calls {JOBS[job]['uses']}": JOBS[job] for job in JOBS if "uses" in JOBS[job]}
OWN = {name: job for name, job in JOBS.items() if "uses" not in job}
AUDITED = (ROOT / ".github", ROOT / ".pre-commit-config.yaml")
BIN = Path(sys.executable).parent


def run(*command: object) -> "subprocess.CompletedProcess[str]":
    arguments = [str(argument) for argument in command]
    return subprocess.run([BIN / arguments[0], *arguments[1:]], cwd=ROOT, capture_output=True, text=True, check=False)


def triggers(workflow: dict[Any, Any]) -> dict[str, Any]:
    events: dict[str, Any] = workflow[True]  # `on:` is a boolean in YAML 1.1
    return events


def steps(job: dict[str, Any]) -> list[dict[str, Any]]:
    job_steps: list[dict[str, Any]] = job["steps"]
    return job_steps


def test_workflows_conform_to_their_schema() -> None:
    process = run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *FILES)
    assert not process.returncode, process.stdout
    process = run("check-jsonschema", "--builtin-schema", "vendor.dependabot", ROOT / ".github" / "dependabot.yml")
    assert not process.returncode, process.stdout


def test_issue_forms_conform_to_their_schema() -> None:
    config, *forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"), key=lambda path: path.stem != "config")
    process = run("check-jsonschema", "--builtin-schema", "vendor.github-issue-config", config)
    assert not process.returncode, process.stdout
    process = run("check-jsonschema", "--builtin-schema", "vendor.github-issue-forms", *forms)
    assert not process.returncode, process.stdout


def test_zizmor_reports_no_findings() -> None:
    process = run(
        "zizmor", "--offline", "--quiet", "--no-progress", "--strict-collection", "--persona", "auditor", *AUDITED
    )
    assert not process.returncode, process.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_with_their_version(path: Path) -> None:
    used = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    assert used
    for action in used:
        if own := re.fullmatch(r"\$/(\.github/workflows/[a-z]+\.yml)", action):
            assert (ROOT / own[1]).exists()
        else:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", action), action


def test_an_action_has_the_same_version_everywhere() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    pins = set(re.findall(r"uses: ([\w-]+/[\w-]+)@(.+)", text))
    assert len(pins) == len({action for action, _ in pins})


@pytest.mark.parametrize("image", re.findall(r"\S+/?[\w.-]+:[\w.-]+@sha256:\w+", "\n".join(map(Path.read_text, FILES))))
def test_an_image_is_pinned_by_digest(image: str) -> None:
    assert re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image)


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=list(WORKFLOWS))
def test_a_workflow_has_no_permissions_and_runs_once_per_ref(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"].endswith("-${{ github.ref }}")
    assert "pull_request_target" not in triggers(workflow)


@pytest.mark.parametrize("job", OWN.values(), ids=list(OWN))
def test_a_job_has_a_timeout_and_permissions(job: dict[str, Any]) -> None:
    assert 0 < job["timeout-minutes"] <= 60
    assert job["permissions"]
    assert job["runs-on"] in ("ubuntu-24.04", "${{ matrix.os }}")


@pytest.mark.parametrize("job", OWN.values(), ids=list(OWN))
def test_a_checkout_does_not_persist_credentials(job: dict[str, Any]) -> None:
    checkouts = [step for step in steps(job) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


def test_only_publishing_jobs_may_write() -> None:
    writing = {name for name, job in JOBS.items() if "write" in job["permissions"].values()}
    assert writing == {"image/build", "image/tags", "release/image", "release/release"}


def test_workflows_of_pull_requests_use_no_secrets() -> None:
    for name, workflow in WORKFLOWS.items():
        if "pull_request" in triggers(workflow):
            assert "secrets." not in (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("job", CALLED.values(), ids=list(CALLED))
def test_a_called_workflow_gets_its_permissions_and_inputs(job: dict[str, Any]) -> None:
    callee = WORKFLOWS[Path(job["uses"]).stem]
    declared = triggers(callee)["workflow_call"] or {}
    assert set(job.get("with", {})) == set(declared.get("inputs", {}))
    assert set(job.get("secrets", {})) == set(declared.get("secrets", {}))
    permissions = {item for called in callee["jobs"].values() for item in called["permissions"].items()}
    assert permissions <= set(job["permissions"].items()) | {("contents", "read")}


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    used = [
        target
        for job in OWN.values()
        for step in steps(job)
        for target in re.findall(r"\bmake ([a-z][a-z-]*)", step.get("run", ""))
    ]
    assert {"check", "test", "cluster-test"} == set(used) <= targets


def test_checks_run_on_the_supported_python_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [
        classifier.rsplit(" ", 1)[1]
        for classifier in project["classifiers"]
        if re.search(r"Python :: 3\.\d+$", classifier)
    ]
    matrix = JOBS["check/check"]["strategy"]["matrix"]
    assert matrix["python"] == named
    assert {"ubuntu-24.04-arm"} == {job["os"] for job in matrix["include"] if job["python"] in named}


def test_the_service_containers_are_those_of_the_tests() -> None:
    job = JOBS["check/servers"]
    published = {port.split(":")[1] for service in job["services"].values() for port in service["ports"]}
    named = {url.rsplit(":", 1)[1].split("/")[0] for url in job["env"].values()}
    assert named == published
    configured = (ROOT / "tests" / "integration" / "external_servers.py").read_text(encoding="utf-8")
    assert all(f'"{name}"' in configured for name in job["env"])


def test_an_image_is_started_and_scanned_before_it_is_tagged() -> None:
    build, tags = JOBS["image/build"], JOBS["image/tags"]
    assert "build" in tags["needs"]
    assert {entry["architecture"] for entry in build["strategy"]["matrix"]["include"]} == {"amd64", "arm64"}
    order = [step.get("name", step.get("uses", "")) for step in steps(build)]
    (scan,) = (step for step in steps(build) if "trivy-action" in step.get("uses", ""))
    (built,) = (step for step in steps(build) if "build-push-action" in step.get("uses", ""))
    assert order.index(built["name"]) < order.index("start every function") < order.index(scan["name"])
    assert "push-by-digest=true" in built["with"]["outputs"]
    assert "tags" not in built["with"]
    assert scan["with"]["image-ref"].endswith("@${{ steps.build.outputs.digest }}")
    assert (scan["with"]["severity"], scan["with"]["exit-code"]) == ("HIGH,CRITICAL", 1)
    assert not [step for step in steps(build) if "continue-on-error" in step]


def test_pre_commit_hooks_run_installed_tools() -> None:
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    entries = [hook["entry"] for hook in local["hooks"]]
    assert all((BIN / re.sub(r"^(?:env \S+ )?\.venv/bin/([\w-]+).*", r"\1", entry)).exists() for entry in entries)
