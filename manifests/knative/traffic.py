"""How requests are split over revisions."""

from manifests.resources import KSERVICE, ROUTE, Field
from manifests.rules import Faults, Rules
from manifests.values import is_service_label

RULES = Rules()


@RULES.of(KSERVICE, ROUTE)
def traffic_sums_to_100(root: Field) -> Faults:
    traffic = root["spec"]["traffic"]
    if not traffic.given:
        return  # all of it goes to the latest revision
    total = sum(target["percent"].number or 0 for target in traffic)
    if total != 100:
        yield traffic, f"the percentages sum to {total}, and 100 is expected"
    for target in traffic:
        if not 0 <= (target["percent"].number or 0) <= 100:
            yield target["percent"], f"{target['percent'].number} is no percentage"


@RULES.of(KSERVICE, ROUTE)
def traffic_to_one_revision(root: Field) -> Faults:
    for target in root["spec"]["traffic"]:
        latest, pinned = target["latestRevision"], target["revisionName"]
        if latest.given and latest.value == bool(pinned.text):
            yield latest, "a target is either the latest revision or one with revisionName"


@RULES.of(KSERVICE)
def traffic_of_a_service(root: Field) -> Faults:
    for target in root["spec"]["traffic"]:
        if target["configurationName"].text:
            yield target["configurationName"], "a Service routes to its own revisions only"


@RULES.of(KSERVICE, ROUTE)
def traffic_url(root: Field) -> Faults:
    for target in root["spec"]["traffic"]:
        if target["url"].text:
            yield target["url"], "Knative tells it in the status, and refuses it here"


@RULES.of(KSERVICE, ROUTE)
def traffic_tag(root: Field) -> Faults:
    seen: set[str] = set()
    for target in root["spec"]["traffic"]:
        tag = target["tag"].text
        if tag and not is_service_label(tag):
            yield target["tag"], f"{tag} can't be a part of a host name"
        elif tag in seen:
            yield target["tag"], f"{tag} is there twice"
        seen |= {tag} - {""}
