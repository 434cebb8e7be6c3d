"""Submit with brokers that accept an event but do not respond properly: callers get 202 before their timeout."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from local.stack import Stack
from tests.integration.broken_brokers import cut, garbage, raw, silent, trickling
from tests.integration.processes import function
from tests.integration.whole_stack import DAY, send_request


@pytest.mark.parametrize("response", [silent, trickling, cut, garbage])
def test_job_is_accepted_and_durable_despite_a_broken_broker(
    stack: Stack, tmp_path: Path, response: Callable[[socket.socket], None]
) -> None:
    with raw(response) as broker:
        settings = stack.plan.function_environment("submit") | {"K_SINK": broker.url}
        with function("submit", settings, tmp_path / "log") as submit:
            accepted = submit.send_request("POST", "/api/distance/calculate", DAY)
        assert accepted.status == 202
        assert broker.requests
    job = accepted.json["job_id"]
    assert send_request("GET", f"{stack.url}/api/distance/jobs/{job}").json["status"] == "queued"
    (line,) = [line for line in (tmp_path / "log").read_text().splitlines() if "not published" in line]
    assert job in line
    assert '"cause": ' in line
