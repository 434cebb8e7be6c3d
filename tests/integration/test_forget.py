"""`python -m admin forget` against the whole system."""

import pytest

from admin.__main__ import main
from local.stack import Stack
from tests.integration.whole_stack import send_request, submit, wait_for_end


def job_ids(stack: Stack) -> set[str]:
    return {job["job_id"] for job in send_request("GET", f"{stack.url}/api/distance/jobs?limit=500").json["jobs"]}


def test_all_jobs_of_a_device_and_a_range_of_dates_are_deleted(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    def output(*arguments: str) -> list[str]:
        assert main(["forget", "--url", stack.url, "--from", "2026-01-13", "--to", "2026-01-14", *arguments], {}) == 0
        return capsys.readouterr().out.splitlines()

    mine = [submit(stack, device_id="garmin", date=f"2026-01-{day}") for day in (13, 14)]
    other = submit(stack, device_id="garmin", date="2026-01-15")
    all_devices = submit(stack, device_id="", date="2026-01-13")
    for job_id in (*mine, other, all_devices):
        assert wait_for_end(stack, job_id)["status"] == "completed"

    assert output("--device", "garmin", "--count")[0] == "jobs: 2 would be deleted"
    assert job_ids(stack) >= {*mine, other, all_devices}
    deleted = output("--device", "garmin")
    assert deleted[2] == "jobs: 2 were deleted"
    assert "1 remain" in deleted[3]
    assert not job_ids(stack) & set(mine)
    assert output("--device", "garmin", "--every-device") == [f"{all_devices}: deleted", "jobs: 1 were deleted"]
    assert output() == ["jobs: 0 were deleted"]
    assert job_ids(stack) >= {other}
    assert [
        send_request("GET", f"{stack.url}/api/distance/jobs/{job_id}").status for job_id in (*mine, all_devices)
    ] == [404] * 3
