"""Time the stages of a calculation. The stages alternate at each block, but each one is a single span."""

import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from shared.telemetry import metrics, spans

T = TypeVar("T")
_END = object()


@dataclass
class _Stage:
    """A stage from its first entry to its last exit, and the time spent in it."""

    span: spans.Span
    busy_seconds: float = 0
    last_exit_ns: int = 0
    outcome: str = "ok"


class StageTimer:
    """A context manager that records every entered stage at its end, as a child of the current span."""

    def __init__(self) -> None:
        self._stages: dict[str, _Stage] = {}

    @contextmanager
    def time(self, name: str) -> Iterator[spans.Span]:
        """Attribute the block to stage `name`, one of metrics.STAGES, and record its exception on the span."""
        stage = self._stages.get(name)
        if stage is None:
            stage = self._stages[name] = _Stage(spans.start_span(name))
        started = time.perf_counter()
        try:
            with stage.span.current():
                yield stage.span
        except BaseException as exc:
            stage.outcome = "error"
            stage.span.record_exception(exc)
            raise
        finally:
            stage.busy_seconds += time.perf_counter() - started
            stage.last_exit_ns = time.time_ns()

    def iterate(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """Iterate over `items`, attributing the time to produce each one to stage `name`."""
        source = iter(items)
        while True:
            with self.time(name):
                item = next(source, _END)
            if item is _END:
                return
            yield item  # type: ignore[misc] # not _END

    @contextmanager
    def wrap(self, name: str, manager: AbstractContextManager[T]) -> Iterator[T]:
        """Enter `manager`, attributing its entry and its exit to stage `name`."""
        with ExitStack() as stack:
            with self.time(name):
                value = stack.enter_context(manager)
            yield value
            with self.time(name):
                stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, stage in self._stages.items():
            stage.span.set({"distance.stage.busy_ms": round(stage.busy_seconds * 1000, 3)})
            stage.span.end(stage.last_exit_ns)
            metrics.STAGE_DURATION.record(stage.busy_seconds, {"stage": name, "outcome": stage.outcome})
