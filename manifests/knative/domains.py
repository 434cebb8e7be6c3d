"""Names of one's own for a Service."""

from manifests.resources import DOMAIN_MAPPING, Field
from manifests.rules import Faults, Rules
from manifests.values import is_domain

RULES = Rules()


@RULES.of(DOMAIN_MAPPING)
def name_of_a_domain(root: Field) -> Faults:
    place = root["metadata"]["name"]
    if not is_domain(place.text):
        yield place, f"{place.text} is no host name with a domain, as distance.example.com"
    elif place.text.endswith(".cluster.local"):
        yield place, "a name inside the cluster's own domain: Services have theirs already"


@RULES.of(DOMAIN_MAPPING)
def domain_of_another_namespace(root: Field) -> Faults:
    place = root["spec"]["ref"]["namespace"]
    if place.text and place.text != root.resource.namespace:
        yield place, f"{place.text} is another namespace than the mapping's"
