"""Annotations that steer scaling: where they stand, what they are called, and their values."""

from collections.abc import Callable

from manifests.resources import CONFIGURATION, KSERVICE, Field
from manifests.rules import Faults, Rules
from manifests.values import go_duration

RULES = Rules()
GROUP = "autoscaling.knative.dev/"
_HOUR = 3600
_CLASSES = {"kpa.autoscaling.knative.dev", "hpa.autoscaling.knative.dev"}
_METRICS = {"concurrency", "rps"}
_ALGORITHMS = {"linear", "weighted-exponential", "weightedExponential"}
# The older spelling of each is read too.
_CAMEL = {
    "initialScale": "initial-scale",
    "maxScale": "max-scale",
    "metricAggregationAlgorithm": "metric-aggregation-algorithm",
    "minScale": "min-scale",
    "panicThresholdPercentage": "panic-threshold-percentage",
    "panicWindowPercentage": "panic-window-percentage",
    "scaleDownDelay": "scale-down-delay",
    "scaleToZeroPodRetentionPeriod": "scale-to-zero-pod-retention-period",
    "targetBurstCapacity": "target-burst-capacity",
    "targetUtilizationPercentage": "target-utilization-percentage",
}


def _whole(text: str, least: int) -> bool:
    try:
        return least <= int(text) < 2**31
    except ValueError:
        return False


def _number(text: str, least: float, most: float = float("inf")) -> bool:
    try:
        return least <= float(text) <= most
    except ValueError:
        return False


def _seconds(text: str, least: float, *, whole: bool = True) -> bool:
    found = go_duration(text)
    return found is not None and least <= found <= _HOUR and (found == int(found) or not whole)


_VALUES: dict[str, tuple[Callable[[str], bool], str]] = {
    "class": (
        lambda text: not text.endswith(".knative.dev") or text in _CLASSES,
        "kpa. or hpa.autoscaling.knative.dev",
    ),
    "min-scale": (lambda text: _whole(text, 0), "a whole number from 0"),
    "max-scale": (lambda text: _whole(text, 0), "a whole number from 0 (no limit)"),
    "initial-scale": (lambda text: _whole(text, 1), "a whole number from 1 (0 only where the cluster allows it)"),
    "activation-scale": (lambda text: _whole(text, 2), "a whole number from 2"),
    "metric": (bool, "a name"),
    "metric-aggregation-algorithm": (lambda text: text in _ALGORITHMS, "linear or weighted-exponential"),
    "target": (lambda text: _number(text, 0.01), "a number from 0.01"),
    "target-utilization-percentage": (lambda text: _number(text, 1, 100), "a percentage from 1 to 100"),
    "target-burst-capacity": (lambda text: text == "-1" or _number(text, 0), "a number from 0, or -1"),
    "panic-window-percentage": (lambda text: _number(text, 1, 100), "a percentage from 1 to 100"),
    "panic-threshold-percentage": (lambda text: _number(text, 110, 1000), "a percentage from 110 to 1000"),
    "window": (lambda text: _seconds(text, 6), "whole seconds from 6s to 1h"),
    "scale-down-delay": (lambda text: _seconds(text, 0), "whole seconds from 0s to 1h"),
    "scale-to-zero-pod-retention-period": (lambda text: _seconds(text, 0, whole=False), "a time from 0s to 1h"),
}


def _of(annotations: Field) -> dict[str, Field]:
    """The autoscaling annotations there, by their newer names."""
    said = {key.removeprefix(GROUP): value for key, value in annotations.items() if key.startswith(GROUP)}
    return {_CAMEL.get(name, name): value for name, value in said.items()}


def _template(root: Field) -> dict[str, Field]:
    return _of(root["spec"]["template"]["metadata"]["annotations"])


@RULES.of(KSERVICE, CONFIGURATION)
def autoscaling_outside_the_template(root: Field) -> Faults:
    for place in _of(root["metadata"]["annotations"]).values():
        yield place, "Knative refuses it here: it belongs to spec.template.metadata.annotations"


@RULES.of(KSERVICE, CONFIGURATION)
def autoscaling_unknown(root: Field) -> Faults:
    for name, place in _template(root).items():
        if name not in _VALUES:
            yield place, "Knative knows no such annotation, and passes over it in silence"


@RULES.of(KSERVICE, CONFIGURATION)
def autoscaling_value(root: Field) -> Faults:
    for name, place in _template(root).items():
        holds, expected = _VALUES.get(name, (None, ""))
        if holds and isinstance(place.value, str) and not holds(place.text):
            yield place, f'"{place.text}": {expected} is expected'


@RULES.of(KSERVICE, CONFIGURATION)
def autoscaling_metric(root: Field) -> Faults:
    said = _template(root)
    by_requests = "class" not in said or said["class"].text.startswith("kpa.")
    if "metric" in said and by_requests and said["metric"].text not in _METRICS:
        yield said["metric"], f"{said['metric'].text}: this autoscaler counts concurrency or rps; others need class hpa"


@RULES.of(KSERVICE, CONFIGURATION)
def autoscaling_bounds(root: Field) -> Faults:
    said = _template(root)
    values = _scales(said)
    most = values.get("max-scale") or 2**31
    least = values.get("min-scale", 0)
    if least > most:
        yield said["min-scale"], f"min-scale {least} is more than max-scale {most}"
    elif not least <= values.get("activation-scale", least) <= most:
        yield said["activation-scale"], f"not from min-scale {least} to max-scale {most}"


def _scales(said: dict[str, Field]) -> dict[str, int]:
    """The numbers of pods that are whole numbers."""
    names = ("min-scale", "max-scale", "activation-scale")
    return {name: int(said[name].text) for name in names if name in said and _whole(said[name].text, 0)}
