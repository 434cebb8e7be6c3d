"""The stages of one calculation: they take turns at each block of fixes, and each is told of as one span."""

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
    """A stage from its first entry to its last exit, and how long it was at work in between."""

    span: spans.Span
    busy_seconds: float = 0
    left_ns: int = 0
    outcome: str = "ok"


class StageTimer:
    """A context manager: at its end every stage that was entered is told of, with its span under the current one."""

    def __init__(self) -> None:
        self._entered: dict[str, _Stage] = {}

    @contextmanager
    def time(self, name: str) -> Iterator[spans.Span]:
        """The block belongs to stage `name`, one of metrics.STAGES; what comes out of it is told of the stage."""
        stage = self._entered.get(name)
        if stage is None:
            stage = self._entered[name] = _Stage(spans.start_span(name))
        began = time.perf_counter()
        try:
            with stage.span.current():
                yield stage.span
        except BaseException as exc:
            stage.outcome = "error"
            stage.span.record_exception(exc)
            raise
        finally:
            stage.busy_seconds += time.perf_counter() - began
            stage.left_ns = time.time_ns()

    def iterate(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """The items, each of which stage `name` brings."""
        source = iter(items)
        while True:
            with self.time(name):
                item = next(source, _END)
            if item is _END:
                return
            yield item  # type: ignore[misc] # it is no _END

    @contextmanager
    def wrap(self, name: str, manager: AbstractContextManager[T]) -> Iterator[T]:
        """What `manager` gives; its beginning and its end belong to stage `name`."""
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
        for name, stage in self._entered.items():
            stage.span.set({"distance.stage.busy_ms": round(stage.busy_seconds * 1000, 3)})
            stage.span.end(stage.left_ns)
            metrics.STAGE_DURATION.record(stage.busy_seconds, {"stage": name, "outcome": stage.outcome})
