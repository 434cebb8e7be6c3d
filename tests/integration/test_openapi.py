"""The running system conforms to its OpenAPI document, for valid and invalid requests."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from local.stack import Stack
from shared.openapi.document import document
from shared.openapi.operations import JOB
from tests.integration.whole_stack import send_request, submit, wait_for_end

API = schemathesis.openapi.from_dict(document())
# The validity of a submission also depends on the date, the time zones and earlier uses of the key, and that of a range
# on the order and the distance of its days.
EXCLUDED_CHECKS: dict[str, list[Any]] = {
    "/api/distance/calculate": [positive_data_acceptance],
    "/api/distance/days": [positive_data_acceptance],
}


@API.parametrize()
@settings(max_examples=100, suppress_health_check=list(HealthCheck), derandomize=True)
def test_responses_conform_to_document(case: schemathesis.Case[Any], stack: Stack) -> None:
    is_api = case.path.startswith("/api/distance/")  # the gateway has its own health endpoints
    url = stack.url if is_api else f"http://{stack.plan.address('list')}"
    case.call_and_validate(base_url=url, excluded_checks=EXCLUDED_CHECKS.get(case.path, []))


def test_job_conforms_in_each_state(stack: Stack) -> None:
    def call(method: str, path: str, **parameters: str) -> int:
        case = API[path][method].Case(path_parameters=parameters)
        return case.call_and_validate(base_url=stack.url, allow_redirects=False).status_code

    job_id = submit(stack)
    assert call("GET", JOB, job_id=job_id) == 200
    csv_path = str(wait_for_end(stack, job_id)["result"]["csv_path"])
    failed = submit(stack, device_id="unknown")
    assert wait_for_end(stack, failed)["error_code"] == "NO_DATA"
    assert [call("GET", JOB, job_id=each) for each in (job_id, failed)] == [200, 200]
    assert call("GET", "/api/distance/download/{filename}", filename=csv_path.rsplit("/", 1)[-1]) == 302
    assert [call("DELETE", JOB, job_id=each) for each in (job_id, failed)] == [204, 204]
    assert call("GET", JOB, job_id=job_id) == 404


def test_gateway_serves_document_and_page(stack: Stack) -> None:
    assert send_request("GET", f"{stack.url}/openapi.json").json == document()
    page = send_request("GET", f"{stack.url}/docs")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
