"""Names that become host names and labels."""

from manifests.resources import CONFIGURATION, DOMAIN_MAPPING, KSERVICE, ROUTE, Field
from manifests.rules import ANY_KIND, Faults, Rules
from manifests.values import is_label, is_service_label

RULES = Rules()
_HOSTS = {KSERVICE, CONFIGURATION, ROUTE, "Service"}
_LABELS = {"Namespace", "Job", "CronJob", "StatefulSet", "Deployment"}


@RULES.of(ANY_KIND)
def name_of_a_resource(root: Field) -> Faults:
    resource, place = root.resource, root["metadata"]["name"]
    if resource.qualified_kind in _HOSTS:
        if not is_service_label(place.text):
            yield place, f"{place.text} is part of a host name: at most 63 of a-z, 0-9 and -, a letter first"
    elif (resource.kind in _LABELS or _of_knative(root)) and not is_label(place.text):
        yield place, f"{place.text} becomes a label: at most 63 of a-z, 0-9 and - are expected"


def _of_knative(root: Field) -> bool:
    group = root.resource.group
    domain = root.resource.qualified_kind == DOMAIN_MAPPING or group.endswith(".internal.knative.dev")
    return group.endswith(".knative.dev") and not domain
