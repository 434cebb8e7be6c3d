"""Who can reach a Service: a label of the Service, and nothing else, keeps it in the cluster."""

from manifests.resources import KSERVICE, ROUTE, Field
from manifests.rules import Faults, Rules

RULES = Rules()
_ANNOTATIONS = {
    "certificate-class",
    "certificate.class",
    "disable-auto-tls",
    "disable-external-domain-tls",
    "disableAutoTLS",
    "http-protocol",
    "httpOption",
    "ingress-class",
    "ingress.class",
}
LABEL = "networking.knative.dev/visibility"
CLUSTER_LOCAL = "cluster-local"


@RULES.of(KSERVICE)
def visibility_outside_the_labels(root: Field) -> Faults:
    """An annotation of the template is refused by Knative; elsewhere nothing reads it, and the Service is public."""
    template = root["spec"]["template"]["metadata"]
    for place in (template["labels"], template["annotations"], root["metadata"]["annotations"]):
        if LABEL in place:
            yield place[LABEL], "nothing reads it here, the Service is public: it belongs to metadata.labels"


@RULES.of(KSERVICE, ROUTE)
def visibility_value(root: Field) -> Faults:
    place = root["metadata"]["labels"][LABEL]
    if place.given and place.value != CLUSTER_LOCAL:
        yield place, f'"{place.value}" leaves the Service public: the only value is {CLUSTER_LOCAL}'


@RULES.of(KSERVICE)
def networking_annotation(root: Field) -> Faults:
    for key, place in root["spec"]["template"]["metadata"]["annotations"].items():
        group, _, name = key.partition("/")
        if group == "networking.knative.dev" and name not in _ANNOTATIONS and key != LABEL:
            yield place, "Knative knows no such annotation, and refuses it in this group"
