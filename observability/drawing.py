"""What Grafana wants a dashboard to be, and the queries that panels are made of."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH, _HEIGHT, _COLUMNS = 8, 8, 3


@dataclass(frozen=True)
class Panel:
    """Series over time; `queries` maps a legend to PromQL."""

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


def rate(metric: str, by: str = "", matchers: str = "") -> str:
    """How often a second."""
    return f"sum{_by(by)} (rate({metric}{_braced(matchers)}[$__rate_interval]))"


def hourly(metric: str, by: str = "", matchers: str = "") -> str:
    """How often an hour: there may be a few jobs a day."""
    return f"{rate(metric, by, matchers)} * 3600"


def quantiles(metric: str, matchers: str = "") -> dict[str, str]:
    return {f"p{percent}": quantile(metric, percent, matchers=matchers) for percent in (50, 95, 99)}


def quantile(metric: str, percent: int, by: str = "", matchers: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({percent / 100}, {rate(f'{metric}_bucket', labels, matchers)})"


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""


def _braced(matchers: str) -> str:
    return f"{{{matchers}}}" if matchers else ""


def rendered(dashboard: Dashboard) -> str:
    """As Grafana imports and provisions it."""
    described = {
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
    return json.dumps(described, indent=1) + "\n"


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, _COLUMNS)
    once = panel.kind == "stat"
    targets = [
        {"refId": chr(ord("A") + nth), "datasource": _DATASOURCE, "expr": expr, "legendFormat": legend, "instant": once}
        for nth, (legend, expr) in enumerate(panel.queries.items())
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
