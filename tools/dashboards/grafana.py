"""Grafana dashboards as JSON, and the PromQL queries of their panels."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH, _HEIGHT, _COLUMNS = 8, 8, 3


@dataclass(frozen=True)
class Panel:
    """A panel; `queries` maps legends to PromQL, `kind` is Grafana's type of panel."""

    title: str
    unit: str
    queries: Mapping[str, str]
    description: str = ""
    kind: str = "timeseries"


@dataclass(frozen=True)
class Dashboard:
    uid: str
    title: str
    panels: tuple[Panel, ...]


def per_second(metric: str, by: str = "", matchers: str = "") -> str:
    """Return a query for the rate of a counter per second."""
    return f"sum{_by(by)} (rate({metric}{_braced(matchers)}[$__rate_interval]))"


def per_hour(metric: str, by: str = "", matchers: str = "") -> str:
    """Return a query for the rate of a counter per hour, for metrics that count a few jobs a day."""
    return f"{per_second(metric, by, matchers)} * 3600"


def quantiles(metric: str, matchers: str = "") -> dict[str, str]:
    """Return queries for p50, p95 and p99 of a histogram, by legend."""
    return {f"p{percent}": quantile(metric, percent, matchers=matchers) for percent in (50, 95, 99)}


def quantile(metric: str, percent: int, by: str = "", matchers: str = "") -> str:
    """Return a query for a percentile of a histogram."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({percent / 100}, {per_second(f'{metric}_bucket', labels, matchers)})"


def mean(metric: str) -> str:
    """Return a query for the mean of a histogram."""
    return f"{per_second(f'{metric}_sum')} / {per_second(f'{metric}_count')}"


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""


def _braced(matchers: str) -> str:
    return f"{{{matchers}}}" if matchers else ""


def to_json(dashboard: Dashboard) -> str:
    """Return the JSON that Grafana imports and provisions."""
    model = {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["otel-worker"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}]
        },
        "links": [{"title": "Distance", "type": "dashboards", "tags": ["otel-worker"], "asDropdown": True}],
        "panels": [_panel(number, panel) for number, panel in enumerate(dashboard.panels)],
    }
    return json.dumps(model, indent=1) + "\n"


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, _COLUMNS)
    is_instant = panel.kind == "stat"
    targets = [
        {
            "refId": chr(ord("A") + index),
            "datasource": _DATASOURCE,
            "expr": expr,
            "legendFormat": legend,
            "instant": is_instant,
        }
        for index, (legend, expr) in enumerate(panel.queries.items())
    ]
    return {
        "id": number + 1,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _DATASOURCE,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": targets,
    }
