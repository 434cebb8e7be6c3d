"""Fault injection for requests to the S3 server."""

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, TypeVar, cast

from shared.storage.errors import S3Error
from tests.simulation.faults import Fault
from tests.simulation.world import Invocation, PodDied, World

_TIMEOUT_MS = 10_000
_MAX_GHOST_DELAY_MS = 60_000
_CURRENT = "x/CURRENT"

T = TypeVar("T")
Effect = Callable[[], Any]


def _detect_lost_race(effect: Effect, invocation: Invocation, key: str) -> Any:
    """Apply the effect on a segment or CURRENT, and note if another sweep changed it first."""
    try:
        return effect()
    except S3Error as exc:
        invocation.lost_race |= exc.status == 412 or (exc.status == 404 and key != _CURRENT)
        raise


class FaultInjector:
    """Applies the effects of requests: at once, late, repeatedly or not at all."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._handlers: dict[Fault, Callable[[Effect, Invocation], Any]] = {
            Fault.HANG: self._hang,
            Fault.TWICE: self._twice,
            Fault.CONFLICT: self._conflict,
            Fault.FAIL: self._fail,
            Fault.LOST: self._lost,
            Fault.GHOST: self._ghost,
            Fault.DIE_BEFORE: self._die_before,
            Fault.DIE_AFTER: self._die_after,
            Fault.DIE_GHOST: self._die_ghost,
        }

    def execute(self, name: str, key: str, effect: Callable[[], T], *, conditional: bool = False) -> T:
        """Return the result of `effect`, or raise its error or the error of an injected fault."""
        world = self._world
        invocation = world.step()
        if key.startswith("jobs/"):
            invocation.job_id = key[5:-5]
        elif key.startswith("x/"):
            effect = partial(_detect_lost_race, effect, invocation, key)
        fault = world.faults.next_fault(invocation.handler)
        if fault is Fault.CONFLICT and not conditional:
            fault = Fault.FAIL
        if world.trace is not None:
            world.note(f"{name} {key}" + ("" if fault is Fault.NONE else f" … {fault.name}"))
        if fault is Fault.NONE:
            return effect()
        if fault is Fault.LATER:
            world.sleep(world.faults.delay_ms())
            return effect()
        world.counts[fault.name.lower()] += 1
        return cast("T", self._handlers[fault](effect, invocation))

    def _delay(self) -> None:
        self._world.sleep(self._world.faults.delay_ms())

    def _hang(self, effect: Effect, _: Invocation) -> Any:
        self._world.sleep(self._world.faults.hang_ms())
        return effect()

    def _twice(self, effect: Effect, _: Invocation) -> Any:
        effect()
        self._delay()
        return effect()

    def _conflict(self, _: Effect, invocation: Invocation) -> NoReturn:
        invocation.faulted = True
        raise S3Error(409, "ConditionalRequestConflict")

    def _fail(self, _: Effect, invocation: Invocation) -> NoReturn:
        invocation.faulted = True
        self._delay()
        if self._world.rng.random() < 0.5:
            raise S3Error(503, "SlowDown")
        raise S3Error(0, "EndpointConnectionError")

    def _lost(self, effect: Effect, invocation: Invocation) -> NoReturn:
        invocation.faulted = True
        effect()
        self._delay()
        raise S3Error(0, "ReadTimeoutError")

    def _ghost(self, effect: Effect, invocation: Invocation) -> NoReturn:
        invocation.faulted = True
        self._apply_later(effect)
        self._world.sleep(_TIMEOUT_MS)
        raise S3Error(0, "ReadTimeoutError")

    def _apply_later(self, effect: Effect) -> None:
        """Apply the effect after the client's timeout."""

        def apply() -> None:
            try:
                self._world.note(f"ghost of {sender}")
                effect()
            except S3Error:
                return

        sender = self._world.current.name
        self._world.spawn("ghost", apply, self._world.rng.randrange(_TIMEOUT_MS, _MAX_GHOST_DELAY_MS))

    def _die_after(self, effect: Effect, invocation: Invocation) -> NoReturn:
        effect()
        self._die_before(effect, invocation)

    def _die_ghost(self, effect: Effect, invocation: Invocation) -> NoReturn:
        self._apply_later(effect)
        self._die_before(effect, invocation)

    def _die_before(self, _: Effect, invocation: Invocation) -> NoReturn:
        self._world.kill(invocation.pod)
        raise PodDied
