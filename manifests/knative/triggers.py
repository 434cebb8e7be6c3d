"""Triggers: of which broker, which events, to whom."""

import json
import re
from collections.abc import Iterator

from manifests.resources import TRIGGER, Field
from manifests.rules import Faults, Rules

RULES = Rules()
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9]*")
_BY_ATTRIBUTE = ("exact", "prefix", "suffix")
_OF_OTHERS = ("all", "any")
_DIALECTS = (*_BY_ATTRIBUTE, *_OF_OTHERS, "not", "cesql")
_DEPENDENCY = "knative.dev/dependency"
_INJECTION = "eventing.knative.dev/injection"


@RULES.of(TRIGGER)
def broker_of_a_trigger(root: Field) -> Faults:
    named = [name for name in ("broker", "brokerRef") if root["spec"][name].value]
    if len(named) != 1:
        yield root["spec"]["broker"], "a Trigger names one broker, by broker or by brokerRef"
    place = root["spec"]["brokerRef"]["namespace"]
    if place.text:
        yield place, "Knative refuses it unless its feature cross-namespace-event-links is on"


@RULES.of(TRIGGER)
def subscriber_left_out(root: Field) -> Faults:
    if not root["spec"]["subscriber"].given:
        yield root["spec"]["subscriber"], "a Trigger delivers to a subscriber, a ref or a uri"


def _filters(place: Field) -> Iterator[Field]:
    """Every filter there, with those inside it."""
    yield place
    for name in _OF_OTHERS:
        for inner in place[name]:
            yield from _filters(inner)
    if place["not"].given:
        yield from _filters(place["not"])


def _every_filter(root: Field) -> Iterator[Field]:
    for place in root["spec"]["filters"]:
        yield from _filters(place)


@RULES.of(TRIGGER)
def attribute_of_a_filter(root: Field) -> Faults:
    attributes = [root["spec"]["filter"]["attributes"]]
    attributes += [place[name] for place in _every_filter(root) for name in _BY_ATTRIBUTE]
    for mapping in attributes:
        for name, place in mapping.items():
            if not _ATTRIBUTE.fullmatch(name):
                yield place, f"{name} is no attribute of an event: lower-case letters and digits, a letter first"


@RULES.of(TRIGGER)
def dialect_of_a_filter(root: Field) -> Faults:
    for place in _every_filter(root):
        dialects = [name for name in _DIALECTS if place[name].value]
        if len(dialects) > 1:
            yield place, f"a filter says one thing, not {' and '.join(dialects)}: put them under all or any"


@RULES.of(TRIGGER)
def filter_that_filters_hide(root: Field) -> Faults:
    if root["spec"]["filter"].value and root["spec"]["filters"].value:
        yield root["spec"]["filter"], "filters wins, and this is passed over in silence"


@RULES.of(TRIGGER)
def annotation_of_a_trigger(root: Field) -> Faults:
    annotations = root["metadata"]["annotations"]
    injection, dependency = annotations[_INJECTION], annotations[_DEPENDENCY]
    if injection.given and injection.text not in ("enabled", "disabled"):
        yield injection, "enabled or disabled are expected"
    elif injection.given and root["spec"]["broker"].text != "default":
        yield injection, "only a broker named default is made by injection"
    if dependency.given and not _is_reference(dependency.text):
        yield dependency, "JSON with kind, name and apiVersion is expected"


def _is_reference(text: str) -> bool:
    try:
        said = json.loads(text)
    except ValueError:
        return False
    return isinstance(said, dict) and all(said.get(name) for name in ("kind", "name", "apiVersion"))
