"""`python -m admin nightly` against the running system."""

import pytest

from admin.__main__ import main
from local.stack import Stack
from tests.integration.whole_stack import wait_for_end

DEVICE = "nightly-phone"


def jobs(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return what the run printed for each day, without the states of the jobs."""
    lines = capsys.readouterr().out.removesuffix("\n").split("\n")
    return dict(line.removesuffix(" failed").split(": ", 1) for line in lines)


def test_a_repeated_run_adds_no_jobs(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["nightly", "--url", stack.url, "--device", DEVICE]
    assert main([*arguments, "--days", "3"], {"DAY_TIMEZONE": "Europe/Berlin"}) == 0
    first = jobs(capsys)
    assert main([*arguments, "--days", "3"], {"DAY_TIMEZONE": "Europe/Berlin"}) == 0
    assert jobs(capsys) == first
    assert len(set(first.values())) == 3
    job_id = next(iter(first.values())).removeprefix("job ")
    assert wait_for_end(stack, job_id)["error_code"] == "NO_DATA"
    assert main([*arguments, "--days", "3"], {"DAY_TIMEZONE": "Europe/Berlin"}) == 0
    assert f"job {job_id} failed" in capsys.readouterr().out


def test_failures_are_reported_in_one_line(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nightly", "--url", "http://127.0.0.1:1"], {"DAY_TIMEZONE": "Mars"}) == 1
    assert capsys.readouterr().err == "DAY_TIMEZONE: an IANA name is expected\n"
    assert main(["nightly", "--url", f"{stack.url}/elsewhere"], {}) == 1
    assert capsys.readouterr().err == "--url: the API request failed (status 404)\n"


def test_zero_days_are_rejected() -> None:
    with pytest.raises(SystemExit):
        main(["nightly", "--url", "http://127.0.0.1:1", "--days", "0"], {})
