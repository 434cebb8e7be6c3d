"""`python -m admin nightly` against the running system."""

import pytest

from admin.__main__ import main
from local.stack import Stack
from tests.integration.whole_stack import ended

DEVICE = "nightly-phone"


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())


def test_each_day_is_one_job_however_many_nights_submit_it(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["nightly", "--url", stack.url, "--device", DEVICE]
    assert main([*words, "--days", "3"], {"DAY_TIMEZONE": "Europe/Berlin"}) == 0
    first = told(capsys)
    assert main([*words, "--days", "3"], {"DAY_TIMEZONE": "Europe/Berlin"}) == 0
    assert told(capsys) == first
    assert len(set(first.values())) == 3
    job_id = next(iter(first.values())).removeprefix("job ")
    assert ended(stack, job_id)["error_code"] == "NO_DATA"


def test_what_can_not_be_done_is_one_line(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nightly", "--url", "http://127.0.0.1:1"], {"DAY_TIMEZONE": "Mars"}) == 1
    assert capsys.readouterr().err == "DAY_TIMEZONE: an IANA name is expected\n"
    assert main(["nightly", "--url", f"{stack.url}/elsewhere"], {}) == 1
    assert capsys.readouterr().err == "--url: the API does not do it (status 404)\n"


def test_no_days_are_refused() -> None:
    with pytest.raises(SystemExit):
        main(["nightly", "--url", "http://127.0.0.1:1", "--days", "0"], {})
