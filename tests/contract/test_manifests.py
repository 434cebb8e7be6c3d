"""The manifests name what the code has, and keep the rules of Knative that its schemas don't."""

import ast
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # it ships no types, and three calls need no stubs

from local import broker
from shared import events, settings
from tests.contract.markdown import ROOT
from tests.contract.world import World

BASE = ROOT / "knative" / "base"
LONGEST_REQUEST_SECONDS = 600  # Knative's max-revision-timeout-seconds
SECRETS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "key", "DATABASE_URL": "postgresql://db/owntracks"}


def loaded() -> list[dict[str, Any]]:
    files = yaml.safe_load((BASE / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    return [found for file in files for found in yaml.safe_load_all((BASE / file).read_text(encoding="utf-8"))]


RESOURCES = loaded()
SERVICES = [found for found in RESOURCES if found["apiVersion"] == "serving.knative.dev/v1"]
CALCULATE = next(found for found in SERVICES if found["metadata"]["name"] == "distance-calculate")
SERVICE_NAMES = [found["metadata"]["name"] for found in SERVICES]


def one(kind: str) -> dict[str, Any]:
    (found,) = (found for found in RESOURCES if found["kind"] == kind)
    return found


def env(service: dict[str, Any]) -> dict[str, str]:
    (container,) = service["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry["value"] for entry in container["env"]}


def references(node: object) -> list[tuple[str, str, str]]:
    if isinstance(node, dict):
        here = [(node["ref"]["apiVersion"], node["ref"]["kind"], node["ref"]["name"])] if "ref" in node else []
        return here + [found for child in node.values() for found in references(child)]
    return [found for child in node for found in references(child)] if isinstance(node, list) else []


def seconds(duration: str) -> float:
    return float(duration.removeprefix("PT").removesuffix("S"))


def test_there_is_a_service_for_each_function_by_its_own_name() -> None:
    assert sorted(SERVICE_NAMES) == sorted(service._name for service in World().services)


@pytest.mark.parametrize("service", SERVICES, ids=SERVICE_NAMES)
def test_a_service_starts_a_target_that_its_source_defines(service: dict[str, Any]) -> None:
    said = env(service)
    tree = ast.parse((ROOT / said["FUNCTION_SOURCE"]).read_text(encoding="utf-8"))
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    defined |= {
        name.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for name in node.targets
        if isinstance(name, ast.Name)
    }
    assert said["FUNCTION_TARGET"] in defined


@pytest.mark.parametrize("service", SERVICES, ids=SERVICE_NAMES)
def test_a_service_has_the_settings_that_it_needs(service: dict[str, Any]) -> None:
    given = one("ConfigMap")["data"]
    assert set(given) <= set(settings.Settings.model_fields)
    bound = {found["spec"]["subject"]["name"] for found in RESOURCES if found["kind"] == "SinkBinding"}
    sink = {"K_SINK": "http://broker"} if service["metadata"]["name"] in bound else {}
    found = settings.read(given | SECRETS | sink, env(service)["FUNCTION_TARGET"])
    assert given["JOBS_BUCKET"] == found.JOBS_BUCKET


def test_calculate_ends_by_itself_before_its_pod_is_killed() -> None:
    drained = 30  # queue-proxy waits so long without a new request before SIGTERM
    killed = CALCULATE["spec"]["template"]["spec"]["timeoutSeconds"]
    assert drained + int(env(CALCULATE)["GRACE_SECONDS"]) < killed


def test_whoever_publishes_is_bound_to_the_broker() -> None:
    bound = {found["spec"]["subject"]["name"] for found in RESOURCES if found["kind"] == "SinkBinding"}
    assert bound == {"distance-submit", "distance-calculate"}


@pytest.mark.parametrize("service", SERVICES, ids=SERVICE_NAMES)
def test_a_request_may_last_as_long_as_is_said_and_no_longer_than_knative_lets_it(service: dict[str, Any]) -> None:
    spec = service["spec"]["template"]["spec"]
    assert spec["responseStartTimeoutSeconds"] == spec["timeoutSeconds"] <= LONGEST_REQUEST_SECONDS


@pytest.mark.parametrize("service", SERVICES, ids=SERVICE_NAMES)
def test_a_service_scales_to_zero_by_annotations_of_its_template_that_are_texts(service: dict[str, Any]) -> None:
    annotations = service["spec"]["template"]["metadata"]["annotations"]
    assert annotations["autoscaling.knative.dev/min-scale"] == "0"
    assert all(isinstance(text, str) for text in annotations.values())
    assert "annotations" not in service["metadata"]


def test_a_pod_of_calculate_takes_one_job_at_a_time() -> None:
    assert CALCULATE["spec"]["template"]["spec"]["containerConcurrency"] == 1


def test_images_have_a_tag_that_is_not_latest() -> None:
    (image,) = yaml.safe_load((BASE / "kustomization.yaml").read_text(encoding="utf-8"))["images"]
    assert image["newTag"] not in ("", "latest")
    assert {found["spec"]["template"]["spec"]["containers"][0]["image"] for found in SERVICES} == {image["name"]}


def test_every_reference_leads_to_a_resource_of_the_base() -> None:
    here = {(found["apiVersion"], found["kind"], found["metadata"]["name"]) for found in RESOURCES}
    assert set(references(RESOURCES)) <= here
    assert one("Trigger")["spec"]["broker"] == one("Broker")["metadata"]["name"]


def test_the_trigger_delivers_as_the_stand_in_on_one_machine_does() -> None:
    spec = one("Trigger")["spec"]
    stand_in = broker.triggers("", None)[0]
    assert spec["filter"] == {"attributes": {"type": stand_in.type}}
    assert stand_in.type == events.REQUESTED
    delivery = spec["delivery"]
    assert (delivery["retry"], delivery["backoffPolicy"]) == (stand_in.retry, stand_in.backoff_policy)
    assert seconds(delivery["backoffDelay"]) == stand_in.backoff_delay
    assert seconds(delivery["timeout"]) == stand_in.timeout
    assert delivery["deadLetterSink"]["uri"] == stand_in.dead_letter_sink


def test_a_job_in_flight_is_not_delivered_twice() -> None:
    timeout = seconds(one("Trigger")["spec"]["delivery"]["timeout"])
    assert timeout > CALCULATE["spec"]["template"]["spec"]["timeoutSeconds"]


def test_what_is_posted_to_calculate_meets_a_route() -> None:
    calculate = next(service for service in World().services if service._name == "distance-calculate")
    routes = {rule.rule for rule in calculate._map.iter_rules() if "POST" in (rule.methods or ())}
    spec = one("Trigger")["spec"]
    assert {"/", spec["delivery"]["deadLetterSink"]["uri"], one("PingSource")["spec"]["sink"]["uri"]} == routes


def test_the_function_file_describes_calculate_as_the_base_does() -> None:
    described = yaml.safe_load((ROOT / "func.yaml").read_text(encoding="utf-8"))
    template = CALCULATE["spec"]["template"]
    scale, limits = described["deploy"]["options"]["scale"], described["deploy"]["options"]["resources"]["limits"]
    assert described["name"] == CALCULATE["metadata"]["name"]
    assert {entry["name"]: entry["value"] for entry in described["run"]["envs"]} == env(CALCULATE)
    assert limits["concurrency"] == template["spec"]["containerConcurrency"]
    assert str(scale["min"]) == template["metadata"]["annotations"]["autoscaling.knative.dev/min-scale"]
    assert str(scale["max"]) == template["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"]
    assert "image" not in described
