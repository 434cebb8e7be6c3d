"""A request to the S3 server: a step at which the weather decides what becomes of it."""

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from tests.simulation.faults import Fate
from tests.simulation.world import Death, Visit, World

_TIMEOUT_MS = 10_000
_GHOST_MS = 60_000
_CURRENT = "x/CURRENT"
_SERVER = "http://s3"

Effect = Callable[[], Any]


def refused(status: int, code: str) -> ClientError:
    """What botocore raises for an answer that is no success."""
    said: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "Request")


def _in_competition(effect: Effect, visit: Visit, key: str) -> Any:
    """The answer about a segment or CURRENT; a sweep may find that another one was faster."""
    try:
        return effect()
    except ClientError as exc:
        status = exc.response["ResponseMetadata"]["HTTPStatusCode"]
        visit.outrun |= status == 412 or (status == 404 and key != _CURRENT)
        raise


class Requests:
    """Carries requests out, or not, or too late."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._misfortunes: dict[Fate, Callable[[Effect, Visit], Any]] = {
            Fate.AFTER: self._after,
            Fate.HANG: self._hang,
            Fate.TWICE: self._twice,
            Fate.CONFLICT: self._conflict,
            Fate.FAIL: self._fail,
            Fate.LOST: self._lost,
            Fate.GHOST: self._ghost,
            Fate.DIE_BEFORE: self._die_before,
            Fate.DIE_AFTER: self._die_after,
            Fate.DIE_GHOST: self._die_ghost,
        }

    def ask(self, name: str, key: str, effect: Effect, *, conditional: bool = False) -> Any:
        """What `effect` returns or raises, or what the caller is told instead."""
        world = self._world
        visit = world.step()
        if key.startswith("jobs/"):
            visit.touched = key[5:-5]
        elif key.startswith("x/"):
            effect = partial(_in_competition, effect, visit, key)
        fate = world.weather.fate(visit.handler)
        if fate is Fate.CONFLICT and not conditional:
            fate = Fate.FAIL
        if world.trace is not None:
            world.note(f"{name} {key}" + ("" if fate is Fate.NOW else f" … {fate.name}"))
        if fate is Fate.NOW:
            return effect()
        if fate is Fate.LATER:
            world.sleep(world.weather.delay_ms())
            return effect()
        world.counts[fate.name.lower()] += 1
        return self._misfortunes[fate](effect, visit)

    def _wait(self) -> None:
        self._world.sleep(self._world.weather.delay_ms())

    def _after(self, effect: Effect, _: Visit) -> Any:
        answer = effect()
        self._wait()
        return answer

    def _hang(self, effect: Effect, _: Visit) -> Any:
        self._world.sleep(self._world.weather.hang_ms())
        return effect()

    def _twice(self, effect: Effect, _: Visit) -> Any:
        effect()
        self._wait()
        return effect()

    def _conflict(self, _: Effect, visit: Visit) -> NoReturn:
        visit.hurt = True
        raise refused(409, "ConditionalRequestConflict")

    def _fail(self, _: Effect, visit: Visit) -> NoReturn:
        visit.hurt = True
        self._wait()
        if self._world.rng.random() < 0.5:
            raise refused(503, "SlowDown")
        raise EndpointConnectionError(endpoint_url=_SERVER)

    def _lost(self, effect: Effect, visit: Visit) -> NoReturn:
        visit.hurt = True
        effect()
        self._wait()
        raise ReadTimeoutError(endpoint_url=_SERVER)

    def _ghost(self, effect: Effect, visit: Visit) -> NoReturn:
        visit.hurt = True
        self._haunt(effect)
        self._world.sleep(_TIMEOUT_MS)
        raise ReadTimeoutError(endpoint_url=_SERVER)

    def _haunt(self, effect: Effect) -> None:
        """The request is on its way: it happens when its caller has given it up."""

        def happen() -> None:
            try:
                self._world.note(f"ghost of {whose}")
                effect()
            except ClientError:
                return

        whose = self._world.current.name
        self._world.spawn("ghost", happen, self._world.rng.randrange(_TIMEOUT_MS, _GHOST_MS))

    def _die_after(self, effect: Effect, visit: Visit) -> NoReturn:
        effect()
        self._die_before(effect, visit)

    def _die_ghost(self, effect: Effect, visit: Visit) -> NoReturn:
        self._haunt(effect)
        self._die_before(effect, visit)

    def _die_before(self, _: Effect, visit: Visit) -> NoReturn:
        self._world.kill(visit.pod)
        raise Death
