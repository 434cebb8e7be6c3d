"""Delivery: to which place, how often again, with which pauses, for how long, and where the undeliverable goes."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from manifests.knative.revisions import timeout
from manifests.resources import BROKER, KSERVICE, TRIGGER, Field, Resource
from manifests.rules import ANY_KIND, Faults, Rules
from manifests.values import cut_off, period

RULES = Rules()
_DESTINATIONS = ("sink", "subscriber", "deadLetterSink", "reply")
_BACKOFF = ("backoffPolicy", "backoffDelay")


def _under(place: Field, names: Sequence[str]) -> Iterator[Field]:
    """The mappings under these names, however deep."""
    for name, child in place.items():
        if name in names and isinstance(child.value, dict):
            yield child
        yield from _under(child, names)
    for child in place:
        yield from _under(child, names)


def _of_eventing(root: Field) -> bool:
    group = root.resource.group
    return group.endswith(".knative.dev") and not group.startswith(("serving.", "networking.", "autoscaling."))


def destinations(root: Field) -> Iterator[Field]:
    """Every place to which a resource of Eventing sends events."""
    if _of_eventing(root):
        yield from _under(root["spec"], _DESTINATIONS)


def _deliveries(root: Field) -> Iterator[Field]:
    if _of_eventing(root):
        yield from _under(root["spec"], ("delivery",))


@RULES.of(ANY_KIND)
def destination(root: Field) -> Faults:
    for place in destinations(root):
        uri, ref = urlsplit(place["uri"].text), place["ref"]
        if not ref.given and not place["uri"].given:
            yield place, "neither ref nor uri: events go to one of them, or to a uri below the ref's"
        elif ref.given and uri.scheme:
            yield place["uri"], "beside a ref only a path is taken, as /dead-letter"
        elif not ref.given and not (uri.scheme and uri.hostname):
            yield place["uri"], "without a ref a whole URL is expected"
        for name in ("apiVersion", "kind", "name"):
            if ref.given and not ref[name].text:
                yield ref[name], "a reference names apiVersion, kind and name"


@RULES.of(ANY_KIND)
def delivery_value(root: Field) -> Faults:
    for place in _deliveries(root):
        if (place["retry"].number or 0) < 0:
            yield place["retry"], f"{place['retry'].number} tries are not possible"
        policy, form = place["backoffPolicy"], place["format"]
        if policy.given and policy.text not in ("linear", "exponential"):
            yield policy, f"{policy.value}: linear or exponential is expected"
        if form.given and form.text not in ("json", "binary"):
            yield form, f"{form.value}: json or binary is expected"
        if place["retryAfterMax"].given:
            yield place["retryAfterMax"], "Knative refuses it unless its feature delivery-retryafter is on"


@RULES.of(ANY_KIND)
def delivery_duration(root: Field) -> Faults:
    for place in _deliveries(root):
        for name in ("backoffDelay", "timeout"):
            seconds = period(place[name].text)
            if place[name].given and (seconds is None or seconds < 0):
                yield place[name], f'"{place[name].value}" is no ISO 8601 duration, as PT0.5S or PT10M'
            elif name == "timeout" and seconds == 0:
                yield place[name], "more than zero is expected"


@RULES.of(ANY_KIND)
def delivery_duration_cut_off(root: Field) -> Faults:
    for place in _deliveries(root):
        for name in ("backoffDelay", "timeout"):
            if cut_off(place[name].text):
                yield place[name], f"{place[name].text}: Knative reads tenths and cuts off the rest"


@RULES.of(ANY_KIND)
def backoff_incomplete(root: Field) -> Faults:
    """Any delivery takes the place of the cluster's default: ten retries with growing pauses."""
    for place in _deliveries(root):
        lacking = [name for name in _BACKOFF if not place[name].given]
        if place["retry"].number and lacking:
            yield place["retry"], f"without {' and '.join(lacking)} the retries follow at once, with no pause"
        if not place["retry"].given:
            yield place, "without retry an event that fails once is given up: the cluster's default no longer holds"


@RULES.among(BROKER, TRIGGER)
def delivery_shorter_than_its_subscriber(root: Field, resources: Sequence[Resource]) -> Faults:
    """The subscriber goes on after the broker has given up on it, and gets the event again meanwhile."""
    place = root["spec"]["delivery"]["timeout"]
    patience = period(place.text)
    name = root["spec"]["subscriber"]["ref"]["name"].text
    for service in resources:
        if patience and service.qualified_kind == KSERVICE and service.name == name:
            longest = timeout(service.root["spec"]["template"]["spec"])
            if patience <= longest:
                yield place, f"{name} may work for {longest} s (timeoutSeconds): it would get the event again meanwhile"


@RULES.among(TRIGGER)
def dead_letter_sink_dropped(root: Field, resources: Sequence[Resource]) -> Faults:
    delivery, name = root["spec"]["delivery"], root["spec"]["broker"].text
    if not delivery.given or delivery["deadLetterSink"].given:
        return
    for broker in resources:
        sink = broker.root["spec"]["delivery"]["deadLetterSink"]
        if broker.qualified_kind == BROKER and broker.name == name and sink.given:
            yield delivery, "it takes the place of the broker's, whose deadLetterSink no longer holds"
