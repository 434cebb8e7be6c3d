"""`python -m admin forget` against the whole system."""

import pytest

from admin.__main__ import main
from local.stack import Stack
from tests.integration.whole_stack import ask, ended, submit


def listed(stack: Stack) -> set[str]:
    return {job["job_id"] for job in ask("GET", f"{stack.url}/api/distance/jobs?limit=500").json["jobs"]}


def test_all_jobs_of_a_device_and_of_some_dates_are_deleted(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: str) -> list[str]:
        assert main(["forget", "--url", stack.url, "--from", "2026-01-13", "--to", "2026-01-14", *arguments], {}) == 0
        return capsys.readouterr().out.splitlines()

    mine = [submit(stack, device_id="garmin", date=f"2026-01-{day}") for day in (13, 14)]
    other = submit(stack, device_id="garmin", date="2026-01-15")
    everyone = submit(stack, device_id="", date="2026-01-13")
    for job_id in (*mine, other, everyone):
        assert ended(stack, job_id)["status"] == "completed"

    assert said("--device", "garmin", "--count")[0] == "jobs: 2 would be deleted"
    assert listed(stack) >= {*mine, other, everyone}
    deleted = said("--device", "garmin")
    assert deleted[2] == "jobs: 2 were deleted"
    assert "1 stay" in deleted[3]
    assert not listed(stack) & set(mine)
    assert said("--device", "garmin", "--every-device") == [f"{everyone}: deleted", "jobs: 1 were deleted"]
    assert said() == ["jobs: 0 were deleted"]
    assert listed(stack) >= {other}
    assert [ask("GET", f"{stack.url}/api/distance/jobs/{job_id}").status for job_id in (*mine, everyone)] == [404] * 3
