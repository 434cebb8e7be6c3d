"""The table of all metrics, as docs/observability/metrics.md has it."""

from collections.abc import Iterator

from shared.telemetry import metrics

HEADER = ("metric", "in Prometheus", "kind", "unit", "labels", "what")
_UNITS = {"s": "_seconds", "By": "_bytes", "min": "_minutes", "km": "_km"}
_KINDS = {"Observed": "gauge", "UpDown": "up-down counter"}
_SPELLED_OUT = 9


def underscored(name: str) -> str:
    """A name in Prometheus's alphabet."""
    return name.replace(".", "_")


def family(metric: metrics.Metric) -> str:
    """The name that the collector gives a metric."""
    total = "_total" if isinstance(metric, metrics.Counter) else ""
    return underscored(metric.name) + _UNITS.get(metric.unit, "") + total


def table() -> list[str]:
    """The lines of a Markdown table, a metric each, in the order of the code."""
    lines = [_line(HEADER), _line(["---"] * len(HEADER))]
    for metric in metrics.every():
        name, printed = f"`{metric.name}`", f"`{family(metric)}`"
        lines.append(_line((name, printed, _kind(metric), metric.unit, "; ".join(_labels(metric)), metric.description)))
    return lines


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _kind(metric: metrics.Metric) -> str:
    name = type(metric).__name__
    words = _KINDS.get(name, name.lower())
    if isinstance(metric, metrics.Histogram):
        words += f", {metric.buckets[0]:g} to {metric.buckets[-1]:g}"
    return words


def _labels(metric: metrics.Metric) -> Iterator[str]:
    for name, allowed in metric.labels.items():
        if not isinstance(allowed, tuple):
            yield f"`{name}`: a number"
        elif len(allowed) <= _SPELLED_OUT:
            yield f"`{name}`: {', '.join(f'`{value}`' for value in allowed)}"
        else:
            yield f"`{name}`: {len(allowed)} known ones, as `{allowed[0]}`"
