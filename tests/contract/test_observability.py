"""Alerts and dashboards use existing metrics, each alert has a runbook, and promtool accepts the rules."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # PyYAML has no type information

from shared.telemetry import metrics
from tests.contract.markdown import ROOT, anchors, rows
from tests.contract.test_manifests import CALCULATE, SERVICES
from tests.contract.test_workflows import run
from tests.contract.world import World
from tools.dashboards import panels
from tools.dashboards.__main__ import FOLDER, main
from tools.dashboards.metrics_table import prometheus_label, prometheus_name

HERE = ROOT / "observability"
RUNBOOKS = "docs/guides/runbooks.md"
PER_PROCESS = {metrics.ACTIVE, metrics.MEMORY}
PROMQL_WORDS = {"sum", "max", "count", "rate", "increase", "max_over_time", "histogram_quantile", "vector", "absent"}
PROMQL_WORDS |= {"by", "and", "or", "unless"}
GROUPS = [
    group for file in ("alerts.yaml", "slo.yaml") for group in yaml.safe_load((HERE / file).read_text())["groups"]
]
RULES = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]
RECORDED = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
QUERIES = [expr for board in panels.DASHBOARDS for panel in board.panels for expr in panel.queries.values()]
promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")


def labels_of(metric: metrics.Metric) -> set[str]:
    instance = {"service_instance_id"} if metric in PER_PROCESS else set()
    return {prometheus_label(name) for name in metric.labels} | {"job", "service_name"} | instance


def series() -> Iterator[tuple[str, set[str]]]:
    """Yield every series that Prometheus can have, with its labels."""
    yield "up", {"job"}
    for metric in metrics.all_metrics():
        if isinstance(metric, metrics.Histogram):
            yield f"{prometheus_name(metric)}_bucket", labels_of(metric) | {"le"}
            yield f"{prometheus_name(metric)}_count", labels_of(metric)
            yield f"{prometheus_name(metric)}_sum", labels_of(metric)
        else:
            yield prometheus_name(metric), labels_of(metric)
    for name, expr in RECORDED.items():
        yield name, set(grouped(expr))


def grouped(expr: str) -> list[str]:
    return [label for labels in re.findall(r"by \(([^)]*)\)", expr) for label in labels.split(", ")]


def selected(expr: str) -> dict[str, list[str]]:
    """Return the series of an expression, each with the labels that it matches."""
    bare = re.sub(r"by \([^)]*\)|\[[^]]*\]|\$\w+", "", expr)
    labels_by_name: dict[str, list[str]] = {}
    for name, matchers in re.findall(r"([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?", re.sub(r"\b[\d.]+\w*", "", bare)):
        if name not in PROMQL_WORDS:
            labels_by_name.setdefault(name, []).extend(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
    return labels_by_name


SERIES = dict(series())


def test_names_and_labels_are_those_of_the_collector() -> None:
    lines = (ROOT / "tests" / "contract" / "collector.txt").read_text(encoding="utf-8").splitlines()[1:]
    printed = {name: set(labels.split(",")) for name, _, _, labels in (line.split() for line in lines)}
    assert printed == {prometheus_name(metric): labels_of(metric) for metric in metrics.all_metrics()}


@pytest.mark.parametrize("expr", [*(rule["expr"] for rule in RULES), *QUERIES])
def test_an_expression_uses_existing_series_and_labels(expr: str) -> None:
    series_labels = selected(expr)
    assert series_labels
    assert set(series_labels) <= set(SERIES)
    assert not [
        (name, label) for name, labels in series_labels.items() for label in labels if label not in SERIES[name]
    ]
    assert set(grouped(expr)) <= {label for name in series_labels for label in SERIES[name]}


def test_an_expression_matches_existing_label_values() -> None:
    routes = {path for service in World().services for _, path in service.router.routes()}
    for metric in metrics.all_metrics():
        for name, allowed in metric.labels.items():
            matched = re.compile(rf'{prometheus_name(metric)}\w*\{{[^}}]*\b{prometheus_label(name)}!?="([^"]+)"')
            for value in (
                value for expr in [*(rule["expr"] for rule in RULES), *QUERIES] for value in matched.findall(expr)
            ):
                assert value in (allowed if isinstance(allowed, tuple) else routes)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_has_a_severity_and_a_runbook(alert: dict[str, Any]) -> None:
    annotations = alert["annotations"]
    page, _, anchor = annotations["runbook_url"].partition("#")
    assert alert["labels"] == {"severity": alert["labels"]["severity"]}
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert annotations["summary"]
    assert annotations["description"]
    assert page.endswith(f"/blob/main/{RUNBOOKS}")
    assert anchor == alert["alert"].lower()
    assert anchor in anchors(ROOT / RUNBOOKS)


def test_every_alert_has_a_test_and_routes_name_existing_alerts() -> None:
    scenarios = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("*.test.yaml"))
    names = {alert["alert"] for alert in ALERTS}
    assert set(re.findall(r'labels: \'\{alertname="(\w+)"', scenarios)) == names
    rules = yaml.safe_load((HERE / "alertmanager.yaml").read_text(encoding="utf-8"))["inhibit_rules"]
    for pattern in re.findall(r"alertname (?:=~|!=|=) \"?([\w.+|]+)", json.dumps(rules).replace('\\"', '"')):
        assert all(any(re.fullmatch(part, name) for name in names) for part in pattern.split("|"))


def test_memory_and_saturation_alerts_have_the_limits_of_the_base() -> None:
    limits = {
        service["metadata"]["name"]: service["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"][
            "memory"
        ]
        for service in SERVICES
    }
    exprs = {alert["alert"]: alert["expr"] for alert in ALERTS}
    own, others = re.findall(r"/ (\d+) / 1024 \^ 2", exprs["HighMemoryUsage"])
    assert limits.pop("distance-calculate") == f"{own}Mi"
    assert set(limits.values()) == {f"{others}Mi"}
    scale = CALCULATE["spec"]["template"]["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"]
    assert f"[5m:15s]) >= {scale}" in exprs["DistanceCalculateSaturated"]


@promtool
def test_promtool_accepts_the_rules_and_their_tests_pass() -> None:
    for arguments in (["check", "config", "prometheus.yaml"], ["test", "rules", "alerts.test.yaml", "slo.test.yaml"]):
        process = subprocess.run(["promtool", *arguments], cwd=HERE, capture_output=True, text=True, check=False)
        assert not process.returncode, process.stdout + process.stderr


def test_dashboards_are_up_to_date(tmp_path: Path) -> None:
    main(tmp_path)
    written = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert written == {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}


def test_every_dashboard_is_installed() -> None:
    written = {path.name for path in FOLDER.iterdir()}
    kustomization = yaml.safe_load((HERE / "kustomization.yaml").read_text(encoding="utf-8"))
    (installed,) = (generator["files"] for generator in kustomization["configMapGenerator"] if "options" in generator)
    assert set(installed) == {f"dashboards/{name}" for name in written}


@pytest.mark.parametrize("path", sorted((HERE / "dashboards").iterdir()), ids=lambda path: path.stem)
def test_a_dashboard_has_a_selectable_datasource_and_complete_panels(path: Path) -> None:
    board = json.loads(path.read_text(encoding="utf-8"))
    titles = [panel["title"] for panel in board["panels"]]
    assert len(set(titles)) == len(titles)
    for panel in board["panels"]:
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])


def source() -> str:
    files = [path for folder in ("functions", "shared") for path in (ROOT / folder).rglob("*.py")]
    return "".join(path.read_text(encoding="utf-8") for path in files)


def test_the_guide_names_existing_spans_and_attributes() -> None:
    table = rows("docs/guides/observe.md", ["span", "kind, service", "attributes and events"])
    code = source()
    named = {
        name for name, _, attributes in table for name in re.findall(r"[a-z_]+(?:\.[a-z_]+)+", f"{name} {attributes}")
    }
    assert len(named) > 20
    composed = {f"cloudevents.event_{word}" for word in ("id", "source", "type")}  # shared/events.py composes them
    assert not [name for name in named - composed if name not in code and name.removeprefix("public.") not in code]
    assert set(metrics.STAGES) <= {word for name, *_ in table for word in re.findall(r"\w+", name)}


def test_every_metric_is_recorded() -> None:
    names = [name for name, value in vars(metrics).items() if isinstance(value, metrics.Metric)]
    recorded = set(re.findall(r"metrics\.([A-Z_]+)\.(?:add|set|record)\(", source()))
    assert {name for name in names if not isinstance(getattr(metrics, name), metrics.ObservableGauge)} == recorded


def test_every_metric_is_on_a_dashboard() -> None:
    shown = {name for expr in QUERIES for name in selected(expr)}
    missing = {prometheus_name(metric) for metric in metrics.all_metrics()} - {
        re.sub(r"_(bucket|count|sum)$", "", name) for name in shown
    }
    assert not missing


def test_runbooks_name_existing_panels() -> None:
    titles = {panel.title for board in panels.DASHBOARDS for panel in board.panels}
    text = (ROOT / RUNBOOKS).read_text(encoding="utf-8")
    named = set(re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", text))
    assert not [name for name in named if not any(title.startswith(name) for title in titles)]


def test_compose_is_valid_and_mounts_existing_files() -> None:
    process = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", HERE / "compose.yaml")
    assert not process.returncode, process.stdout
    services = yaml.safe_load((HERE / "compose.yaml").read_text(encoding="utf-8"))["services"]
    for service in services.values():
        assert re.fullmatch(r"[\w/.-]+:v?\d+\.\d+\.\d+", service["image"])
        for source in (mount.split(":")[0] for mount in service.get("volumes", [])):
            assert not source.startswith(".") or (HERE / source).exists()


def test_the_collector_has_the_same_version_everywhere() -> None:
    deployment = (ROOT / "knative" / "components" / "observability" / "collector.yaml").read_text(encoding="utf-8")
    compose = (HERE / "compose.yaml").read_text(encoding="utf-8")
    (one,), (other,) = (re.findall(r"opentelemetry-collector-contrib:(\S+)", text) for text in (deployment, compose))
    assert one == other
