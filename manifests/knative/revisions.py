"""What a revision promises: how long a request may last, how many at once, and what it is called."""

from manifests.resources import CONFIGURATION, KSERVICE, Field
from manifests.rules import Faults, Rules
from manifests.values import go_duration, is_service_label

RULES = Rules()
LONGEST = 600  # max-revision-timeout-seconds
FIRST_BYTE = 300  # revision-response-start-timeout-seconds, and revision-timeout-seconds
_MOST_AT_ONCE = 1000  # container-concurrency-max-limit
_GROUP = "serving.knative.dev/"


def timeout(spec: Field) -> int:
    """Seconds that a request to this revision may last, as `timeoutSeconds` says or leaves it."""
    said = spec["timeoutSeconds"].number or 0
    return said if said > 0 else FIRST_BYTE


def _spec(root: Field) -> Field:
    return root["spec"]["template"]["spec"]


@RULES.of(KSERVICE, CONFIGURATION)
def timeout_of_a_revision(root: Field) -> Faults:
    place = _spec(root)["timeoutSeconds"]
    if place.number is not None and not 0 <= place.number <= LONGEST:
        yield place, f"{place.number}: 0 to {LONGEST} are allowed (max-revision-timeout-seconds of the cluster)"


@RULES.of(KSERVICE, CONFIGURATION)
def response_start_left_out(root: Field) -> Faults:
    spec = _spec(root)
    if timeout(spec) > FIRST_BYTE and not spec["responseStartTimeoutSeconds"].given:
        yield (
            spec["timeoutSeconds"],
            f"an answer that has not begun after {FIRST_BYTE} s is cut: set responseStartTimeoutSeconds too",
        )


@RULES.of(KSERVICE, CONFIGURATION)
def timeout_beyond_the_request(root: Field) -> Faults:
    spec = _spec(root)
    for name in ("responseStartTimeoutSeconds", "idleTimeoutSeconds"):
        if (spec[name].number or 0) > timeout(spec):
            yield spec[name], f"never reached: the request ends after {timeout(spec)} s (timeoutSeconds)"


@RULES.of(KSERVICE, CONFIGURATION)
def timeout_below_zero(root: Field) -> Faults:
    spec = _spec(root)
    for name in ("responseStartTimeoutSeconds", "idleTimeoutSeconds"):
        if (spec[name].number or 0) < 0:
            yield spec[name], "a time below zero: leave it out, or give 0 for none"


@RULES.of(KSERVICE, CONFIGURATION)
def container_concurrency(root: Field) -> Faults:
    place = _spec(root)["containerConcurrency"]
    if place.number is not None and not 0 <= place.number <= _MOST_AT_ONCE:
        yield place, f"{place.number}: 0 (no limit) to {_MOST_AT_ONCE} are allowed"


@RULES.of(KSERVICE, CONFIGURATION)
def name_of_a_revision(root: Field) -> Faults:
    place = root["spec"]["template"]["metadata"]["name"]
    if place.given and not (is_service_label(place.text) and place.text.startswith(f"{root.resource.name}-")):
        yield place, f"a name of at most 63 characters that begins with {root.resource.name}- is expected"


@RULES.of(KSERVICE, CONFIGURATION)
def duration_annotation(root: Field) -> Faults:
    for place in (
        root["metadata"]["annotations"][f"{_GROUP}rollout-duration"],
        root["spec"]["template"]["metadata"]["annotations"][f"{_GROUP}progress-deadline"],
    ):
        seconds = go_duration(place.text)
        if place.text and (seconds is None or seconds < 0 or seconds != int(seconds)):
            yield place, f'"{place.text}": whole seconds are expected, as 600s or 10m'
