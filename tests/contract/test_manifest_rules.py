"""Every rule finds its broken samples, says why, and leaves what is valid alone."""

import copy
import functools
import itertools
import operator
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from manifests import findings, project
from manifests.checking import RULES, SHAPE
from manifests.knative import RULES as KNATIVE
from manifests.resources import KSERVICE, Resource
from manifests.samples import Sample, samples, valid
from shared.config.settings import Settings, read
from tests.contract.markdown import ROOT
from tests.contract.world import World

SAMPLES = list(samples())
WRONG: tuple[object, ...] = (1, {"a": {}})


def applied(kind: str, name: str, **spec: object) -> Resource:
    group = "serving.knative.dev/v1" if kind == "Service" else "eventing.knative.dev/v1"
    return Resource({"apiVersion": group, "kind": kind, "metadata": {"name": name}, "spec": spec}, "overlay.yaml")


def test_what_the_samples_are_made_of_is_without_a_fault() -> None:
    assert findings(valid()) == []


def test_what_stands_for_a_secret_is_accepted_by_the_function_that_reads_it() -> None:
    secrets = [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]
    names = {*secrets, "OTEL_EXPORTER_OTLP_HEADERS", "AWS_ACCESS_KEY_ID", "POSTGRES_USER"}
    read({name: project._stand_in(name) for name in names}, "calculate")


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])
def test_a_broken_manifest_is_found_with_the_reason(sample: Sample) -> None:
    told = [found for found in findings(sample.applied) if found.rule == sample.rule]
    assert any(sample.says in found.message for found in told)


def test_every_rule_has_a_broken_sample_and_a_name_of_its_own() -> None:
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))
    assert {*names, SHAPE} == {sample.rule for sample in SAMPLES}


def test_what_a_cluster_takes_in_silence_is_most_worth_a_rule() -> None:
    assert len({sample.rule for sample in SAMPLES if not sample.refused}) > 20


def test_a_finding_names_file_resource_place_and_rule() -> None:
    (found,) = findings([applied("Trigger", "all", subscriber={"uri": "http://a.example"})])
    expected = "overlay.yaml: Trigger/all: spec.broker: a Trigger names one broker, by broker or by brokerRef"
    assert str(found) == f"{expected} (broker-of-a-trigger)"


def test_what_a_rule_explains_is_told_once() -> None:
    pod = {"containers": [{"image": "dev.local/worker:1", "lifecycle": {}}]}
    (found,) = findings([applied("Service", "worker", template={"spec": pod})])
    assert found.rule == "left-to-knative"


def test_what_is_in_the_cluster_already_may_be_referred_to() -> None:
    trigger = applied("Trigger", "all", broker="default", subscriber={"uri": "http://a.example"})
    broker = applied("Broker", "default")
    assert findings([trigger]) != []
    assert findings([trigger], given=[broker]) == []


def test_a_resource_in_a_namespace_that_nothing_is_applied_to_is_somebody_elses() -> None:
    ref = {"apiVersion": "v1", "kind": "Service", "name": "log", "namespace": "elsewhere"}
    trigger = applied("Trigger", "all", broker="default", subscriber={"ref": ref})
    assert findings([trigger], given=[applied("Broker", "default")]) == []


def test_kinds_of_others_are_taken_as_they_are() -> None:
    assert findings([Resource({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}})]) == []


def places(node: Any, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every value below `node`."""
    for key, child in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield (*way, key)
        yield from places(child, (*way, key))


@pytest.mark.parametrize("one", valid(), ids=lambda one: f"{one.kind}-{one.name}")
def test_no_rule_falls_over_a_value_of_a_wrong_type(one: Resource) -> None:
    for *above, last in places(one.manifest):
        for wrong in WRONG:
            manifest: Any = copy.deepcopy(one.manifest)
            functools.reduce(operator.getitem, above, manifest)[last] = wrong
            together = [Resource(manifest) if other is one else other for other in valid()]
            for rule, resource in itertools.product(RULES, together):
                if rule.about(resource):
                    assert all(message for _, message in rule.check(resource.root, together))


@pytest.mark.parametrize("shape", [1, "text", [1], {"containers": {"a": 1}}])
def test_what_has_no_shape_at_all_is_found(shape: object) -> None:
    assert findings([applied("Service", "worker", template={"spec": shape})]) != []
    assert findings([Resource({"kind": shape, "apiVersion": shape, "metadata": shape})]) != []


def test_the_rules_of_the_project_are_not_among_those_of_knative() -> None:
    assert not {rule.name for rule in KNATIVE} & {rule.name for rule in project.RULES}


def test_the_routes_for_events_are_those_of_the_code() -> None:
    for name, routes in project.ROUTES.items():
        service = next(found for found in World().services if found._name == name)
        taken = {rule.rule for rule in service._url_map.iter_rules() if "POST" in (rule.methods or ())}
        assert set(routes) == taken


def test_each_function_that_the_code_has_brings_a_secret() -> None:
    assert {service._name for service in World().services} <= set(project.SECRETS)


def test_the_samples_stand_for_no_file_that_is_not_there() -> None:
    assert project.ROOT == ROOT == Path(__file__).parents[2]
    assert KSERVICE in {one.qualified_kind for one in valid()}
