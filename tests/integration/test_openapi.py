"""The running system, asked all that its OpenAPI document allows, and what it does not: it does as it says."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from local.stack import Stack
from shared.openapi.document import document
from shared.openapi.operations import JOB
from tests.integration.whole_stack import ask, ended, submit

API = schemathesis.openapi.from_dict(document())
# Whether a submission is right also depends on today, on the names of zones, and on what the key was used for.
UNLIKELY_RIGHT: dict[str, list[Any]] = {"POST": [positive_data_acceptance]}


@API.parametrize()
@settings(max_examples=100, suppress_health_check=list(HealthCheck), derandomize=True)
def test_every_case_conforms(case: schemathesis.Case[Any], stack: Stack) -> None:
    of_callers = case.path.startswith("/api/distance/")  # the gateway has a health of its own
    url = stack.url if of_callers else f"http://{stack.plan.address('list')}"
    case.call_and_validate(base_url=url, excluded_checks=UNLIKELY_RIGHT.get(case.method, []))


def test_a_job_conforms_in_each_state_until_it_is_deleted(stack: Stack) -> None:
    def conforms(method: str, path: str, **given: str) -> int:
        case = API[path][method].Case(path_parameters=given)
        return case.call_and_validate(base_url=stack.url, allow_redirects=False).status_code

    job_id = submit(stack)
    assert conforms("GET", JOB, job_id=job_id) == 200
    csv_path = str(ended(stack, job_id)["result"]["csv_path"])
    failed = submit(stack, device_id="nobody")
    assert ended(stack, failed)["error_code"] == "NO_DATA"
    assert [conforms("GET", JOB, job_id=one) for one in (job_id, failed)] == [200, 200]
    assert conforms("GET", "/api/distance/download/{filename}", filename=csv_path.rsplit("/", 1)[-1]) == 302
    assert [conforms("DELETE", JOB, job_id=one) for one in (job_id, failed)] == [204, 204]
    assert conforms("GET", JOB, job_id=job_id) == 404


def test_the_system_serves_the_document_and_its_page(stack: Stack) -> None:
    assert ask("GET", f"{stack.url}/openapi.json").json == document()
    page = ask("GET", f"{stack.url}/docs")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
