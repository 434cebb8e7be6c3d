"""The table of all metrics in docs/reference/metrics.md."""

from collections.abc import Iterable, Iterator

from shared.telemetry import metrics

COLUMNS = ("metric", "in Prometheus", "kind", "unit", "labels", "what")
_UNIT_SUFFIXES = {"s": "_seconds", "By": "_bytes", "min": "_minutes", "km": "_km"}
_KINDS = {"ObservableGauge": "gauge", "UpDownCounter": "up-down counter"}
_MAX_LISTED_VALUES = 9


def prometheus_label(name: str) -> str:
    """Return the name of a label in Prometheus."""
    return name.replace(".", "_")


def prometheus_name(metric: metrics.Metric) -> str:
    """Return the name that the collector exports a metric under, with its unit and `_total`."""
    total = "_total" if isinstance(metric, metrics.Counter) else ""
    return prometheus_label(metric.name) + _UNIT_SUFFIXES.get(metric.unit, "") + total


def metrics_table() -> list[str]:
    """Return the lines of a Markdown table with one row a metric, in the order of the code."""
    lines = [_row(COLUMNS), _row(["---"] * len(COLUMNS))]
    for metric in metrics.all_metrics():
        names = f"`{metric.name}`", f"`{prometheus_name(metric)}`"
        lines.append(_row((*names, _kind(metric), metric.unit, "; ".join(_labels(metric)), metric.description)))
    return lines


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _kind(metric: metrics.Metric) -> str:
    name = type(metric).__name__
    kind = _KINDS.get(name, name.lower())
    if isinstance(metric, metrics.Histogram):
        kind += f", {metric.buckets[0]:g} to {metric.buckets[-1]:g}"
    return kind


def _labels(metric: metrics.Metric) -> Iterator[str]:
    for name, values in metric.labels.items():
        if not isinstance(values, tuple):
            yield f"`{name}`: {'a number' if values is int else 'the path template of a route'}"
        elif len(values) <= _MAX_LISTED_VALUES:
            yield f"`{name}`: {', '.join(f'`{value}`' for value in values)}"
        else:
            yield f"`{name}`: {len(values)} known ones, as `{values[0]}`"
