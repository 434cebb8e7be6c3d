"""Alternating stages are recorded once each."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from functions.calculate.stage_timer import StageTimer
from shared.telemetry import metrics, spans
from tests.telemetry_capture import capture_telemetry


def test_repeated_stage_has_one_span() -> None:
    with capture_telemetry() as telemetry, spans.span("job"), StageTimer() as stages:
        for block in stages.iterate("fetch", [1, 2]):
            with stages.time("compute"), spans.span(f"block {block}"):
                pass
    assert telemetry.tree() == [
        "job < -",
        "fetch < job",
        "compute < job",
        "block 1 < compute",
        "block 2 < compute",
    ]
    fetch, compute = telemetry.span("fetch"), telemetry.span("compute")
    assert (compute.start_time or 0) < (fetch.end_time or 0)  # the stages alternate
    busy_ms = (fetch.attributes or {})["distance.stage.busy_ms"]
    assert isinstance(busy_ms, float)
    assert 0 < busy_ms <= ((fetch.end_time or 0) - (fetch.start_time or 0)) / 1e6 + 1


def test_exception_marks_only_its_stage_as_failed() -> None:
    @contextmanager
    def source() -> Iterator[Iterator[int]]:
        yield iter([1])

    def run() -> None:
        with StageTimer() as stages, stages.wrap("fetch", source()) as items, stages.wrap("upload", source()):
            for _ in stages.iterate("fetch", items):
                with stages.time("compute"):
                    raise ValueError("no")

    with capture_telemetry() as telemetry:
        with pytest.raises(ValueError, match="no"):
            run()
        recorded = {labels["stage"]: labels["outcome"] for labels, _ in telemetry.points(metrics.STAGE_DURATION)}
    assert recorded == {"fetch": "ok", "upload": "ok", "compute": "error"}


def test_failing_exit_belongs_to_its_stage() -> None:
    @contextmanager
    def upload() -> Iterator[int]:
        yield 1
        raise ValueError("no")

    with capture_telemetry() as telemetry:
        with pytest.raises(ValueError, match="no"), StageTimer() as stages, stages.wrap("upload", upload()):
            pass
        recorded = [labels for labels, _ in telemetry.points(metrics.STAGE_DURATION)]
    assert recorded == [{"stage": "upload", "outcome": "error"}]
