"""Alerts and dashboards name what the functions tell, each alert has a runbook, and promtool agrees."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # it ships no types, and one call needs no stubs

from observability import catalogue, drawing, panels
from observability.catalogue import family, underscored
from shared.telemetry import metrics
from tests.contract.markdown import ROOT, anchors, rows
from tests.contract.test_manifests import CALCULATE, SERVICES
from tests.contract.test_workflows import run

HERE = ROOT / "observability"
RUNBOOKS = "docs/observability/runbooks.md"
PER_PROCESS = {metrics.ACTIVE, metrics.MEMORY}
WORDS = {"sum", "max", "count", "rate", "increase", "max_over_time", "histogram_quantile", "vector", "absent"}
WORDS |= {"by", "and", "or", "unless"}
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
    return {underscored(name) for name in metric.labels} | {"job", "service_name"} | instance


def series() -> Iterator[tuple[str, set[str]]]:
    """Every series that Prometheus may have, with the labels that it may have."""
    yield "up", {"job"}
    for metric in metrics.every():
        if isinstance(metric, metrics.Histogram):
            yield f"{family(metric)}_bucket", labels_of(metric) | {"le"}
            yield f"{family(metric)}_count", labels_of(metric)
            yield f"{family(metric)}_sum", labels_of(metric)
        else:
            yield family(metric), labels_of(metric)
    for name, expr in RECORDED.items():
        yield name, set(grouped(expr))


def grouped(expr: str) -> list[str]:
    return [label for labels in re.findall(r"by \(([^)]*)\)", expr) for label in labels.split(", ")]


def selected(expr: str) -> dict[str, list[str]]:
    """The series of an expression, each with the labels that are matched."""
    bare = re.sub(r"by \([^)]*\)|\[[^]]*\]|\$\w+", "", expr)
    found: dict[str, list[str]] = {}
    for name, matchers in re.findall(r"([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?", re.sub(r"\b[\d.]+\w*", "", bare)):
        if name not in WORDS:
            found.setdefault(name, []).extend(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
    return found


SERIES = dict(series())


def test_names_and_labels_are_those_that_a_collector_printed() -> None:
    lines = (ROOT / "tests" / "contract" / "collector.txt").read_text(encoding="utf-8").splitlines()[1:]
    printed = {name: set(labels.split(",")) for name, _, _, labels in (line.split() for line in lines)}
    assert printed == {family(metric): labels_of(metric) for metric in metrics.every()}


@pytest.mark.parametrize("expr", [*(rule["expr"] for rule in RULES), *QUERIES])
def test_an_expression_names_what_there_is(expr: str) -> None:
    found = selected(expr)
    assert found
    assert set(found) <= set(SERIES)
    assert not [(name, label) for name, labels in found.items() for label in labels if label not in SERIES[name]]
    assert set(grouped(expr)) <= {label for name in found for label in SERIES[name]}


def test_a_value_that_is_matched_is_one_that_the_label_has() -> None:
    for metric in metrics.every():
        for name, allowed in metric.labels.items():
            matched = re.compile(rf'{family(metric)}\w*\{{[^}}]*\b{underscored(name)}!?="([^"]+)"')
            for value in (
                value for expr in [*(rule["expr"] for rule in RULES), *QUERIES] for value in matched.findall(expr)
            ):
                assert isinstance(allowed, tuple)
                assert value in allowed


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_how_bad_it_is_and_leads_to_its_runbook(alert: dict[str, Any]) -> None:
    told = alert["annotations"]
    page, _, anchor = told["runbook_url"].partition("#")
    assert alert["labels"] == {"severity": alert["labels"]["severity"]}
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert told["summary"]
    assert told["description"]
    assert page.endswith(f"/blob/main/{RUNBOOKS}")
    assert anchor == alert["alert"].lower()
    assert anchor in anchors(ROOT / RUNBOOKS)


def test_every_alert_is_raised_by_a_scenario_and_every_name_in_routes_is_one() -> None:
    scenarios = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("*.test.yaml"))
    names = {alert["alert"] for alert in ALERTS}
    assert set(re.findall(r'labels: \'\{alertname="(\w+)"', scenarios)) == names
    rules = yaml.safe_load((HERE / "alertmanager.yaml").read_text(encoding="utf-8"))["inhibit_rules"]
    for pattern in re.findall(r"alertname (?:=~|!=|=) \"?([\w.+|]+)", json.dumps(rules).replace('\\"', '"')):
        assert all(any(re.fullmatch(one, name) for name in names) for one in pattern.split("|"))


def test_memory_and_saturation_are_measured_by_what_the_base_gives() -> None:
    limits = {
        found["metadata"]["name"]: found["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
        for found in SERVICES
    }
    exprs = {alert["alert"]: alert["expr"] for alert in ALERTS}
    own, others = re.findall(r"/ (\d+) / 1024 \^ 2", exprs["HighMemoryUsage"])
    assert limits.pop("distance-calculate") == f"{own}Mi"
    assert set(limits.values()) == {f"{others}Mi"}
    scale = CALCULATE["spec"]["template"]["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"]
    assert f"[5m:15s]) >= {scale}" in exprs["DistanceCalculateSaturated"]


@promtool
def test_promtool_takes_the_rules_and_each_scenario_raises_what_it_should() -> None:
    for asked in (["check", "config", "prometheus.yaml"], ["test", "rules", "alerts.test.yaml", "slo.test.yaml"]):
        done = subprocess.run(["promtool", *asked], cwd=HERE, capture_output=True, text=True, check=False)
        assert not done.returncode, done.stdout + done.stderr


def test_the_dashboards_are_what_the_panels_say() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in (HERE / "dashboards").iterdir()}
    assert written == {f"{board.uid}.json": drawing.rendered(board) for board in panels.DASHBOARDS}
    kustomization = yaml.safe_load((HERE / "kustomization.yaml").read_text(encoding="utf-8"))
    (installed,) = (made["files"] for made in kustomization["configMapGenerator"] if "options" in made)
    assert set(installed) == {f"dashboards/{name}" for name in written}


@pytest.mark.parametrize("path", sorted((HERE / "dashboards").iterdir()), ids=lambda path: path.stem)
def test_a_dashboard_takes_any_datasource_and_its_panels_say_what_they_show(path: Path) -> None:
    board = json.loads(path.read_text(encoding="utf-8"))
    titles = [panel["title"] for panel in board["panels"]]
    assert len(set(titles)) == len(titles)
    for panel in board["panels"]:
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])


def test_the_table_of_metrics_is_what_the_code_has() -> None:
    text = (ROOT / "docs" / "observability" / "metrics.md").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("|")] == catalogue.table()


def source() -> str:
    files = [path for room in ("functions", "shared") for path in (ROOT / room).rglob("*.py")]
    return "".join(path.read_text(encoding="utf-8") for path in files)


def test_the_guide_names_spans_and_attributes_that_there_are() -> None:
    table = rows("docs/observability.md", ["span", "kind, of", "says"])
    code = source()
    named = {name for name, _, says in table for name in re.findall(r"[a-z_]+(?:\.[a-z_]+)+", f"{name} {says}")}
    assert len(named) > 20
    made = {f"cloudevents.event_{word}" for word in ("id", "source", "type")}  # shared/events.py puts them together
    assert not [name for name in named - made if name not in code and name.removeprefix("public.") not in code]
    assert set(metrics.STAGES) <= {word for name, *_ in table for word in re.findall(r"\w+", name)}


def test_every_metric_is_recorded_somewhere() -> None:
    names = [name for name, value in vars(metrics).items() if isinstance(value, metrics.Metric)]
    recorded = set(re.findall(r"metrics\.([A-Z_]+)\.(?:add|set|record)\(", source()))
    assert {name for name in names if not isinstance(getattr(metrics, name), metrics.Observed)} == recorded


def test_every_metric_is_shown() -> None:
    shown = {name for expr in QUERIES for name in selected(expr)}
    unseen = {family(metric) for metric in metrics.every()} - {
        re.sub(r"_(bucket|count|sum)$", "", name) for name in shown
    }
    assert not unseen


def test_runbooks_speak_of_panels_that_there_are() -> None:
    titles = {panel.title for board in panels.DASHBOARDS for panel in board.panels}
    text = (ROOT / RUNBOOKS).read_text(encoding="utf-8")
    named = set(re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", text))
    assert not [name for name in named if not any(title.startswith(name) for title in titles)]


def test_compose_is_valid_and_mounts_what_is_there() -> None:
    done = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", HERE / "compose.yaml")
    assert not done.returncode, done.stdout
    services = yaml.safe_load((HERE / "compose.yaml").read_text(encoding="utf-8"))["services"]
    for service in services.values():
        assert re.fullmatch(r"[\w/.-]+:v?\d+\.\d+\.\d+", service["image"])
        for source in (mount.split(":")[0] for mount in service.get("volumes", [])):
            assert not source.startswith(".") or (HERE / source).exists()


def test_the_collector_is_the_same_release_wherever_it_runs() -> None:
    deployment = (ROOT / "knative" / "components" / "observability" / "collector.yaml").read_text(encoding="utf-8")
    compose = (HERE / "compose.yaml").read_text(encoding="utf-8")
    (one,), (other,) = (re.findall(r"opentelemetry-collector-contrib:(\S+)", text) for text in (deployment, compose))
    assert one == other
