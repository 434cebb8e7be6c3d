"""PingSources and SinkBindings."""

import base64
import json
import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from manifests.resources import PING_SOURCE, SINK_BINDING, Field
from manifests.rules import ANY_KIND, Faults, Rules
from manifests.schedules import wrong_schedule
from manifests.values import is_label

RULES = Rules()


@RULES.of(ANY_KIND)
def sink_left_out(root: Field) -> Faults:
    """Every source has a sink."""
    resource = root.resource
    if resource.group == "sources.knative.dev" and not root["spec"]["sink"].given:
        yield root["spec"]["sink"], f"a {resource.kind} sends to a sink, a ref or a uri"


@RULES.of(PING_SOURCE)
def schedule(root: Field) -> Faults:
    place = root["spec"]["schedule"]
    wrong = wrong_schedule(place.text)
    if wrong:
        yield place, wrong


@RULES.of(PING_SOURCE)
def time_zone(root: Field) -> Faults:
    place = root["spec"]["timezone"]
    if place.text:
        try:
            ZoneInfo(place.text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            yield place, f"{place.text} is no time zone, as Europe/Berlin"


@RULES.of(PING_SOURCE)
def data_of_a_ping(root: Field) -> Faults:
    spec = root["spec"]
    if spec["data"].text and spec["dataBase64"].text:
        yield spec["dataBase64"], "one of data and dataBase64 is expected"
        return
    data: str | bytes = spec["data"].text
    place = spec["data"]
    if spec["dataBase64"].text:
        place = spec["dataBase64"]
        try:
            data = base64.b64decode(place.text, validate=True)
        except ValueError:
            yield place, "no base64"
            return
    if data and spec["contentType"].text == "application/json" and not _is_object(data):
        yield place, "contentType says JSON, and this is no JSON object"


def _is_object(data: str | bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except ValueError:
        return False


@RULES.of(SINK_BINDING)
def subject_of_a_binding(root: Field) -> Faults:
    subject = root["spec"]["subject"]
    for name in ("apiVersion", "kind"):
        if not subject[name].text:
            yield subject[name], "a subject names apiVersion and kind"
    ways = [name for name in ("name", "selector") if subject[name].value]
    if len(ways) != 1:
        yield subject, "a subject is named by one of name and selector"
    if subject["name"].text and not is_label(subject["name"].text):
        yield subject["name"], f"{subject['name'].text} can't be a name: at most 63 of a-z, 0-9 and -"
    if subject["namespace"].text not in ("", root.resource.namespace):
        yield subject["namespace"], "a SinkBinding binds in its own namespace"


@RULES.of(SINK_BINDING, PING_SOURCE)
def extension_of_an_event(root: Field) -> Faults:
    for name, place in root["spec"]["ceOverrides"]["extensions"].items():
        if not re.fullmatch(r"[A-Za-z0-9]+", name):
            yield place, f"{name}: an extension's name has letters and digits only"
