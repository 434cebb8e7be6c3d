"""What may go wrong in a run, how often, and the choice at each step."""

import random
from bisect import bisect
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import accumulate


class Fate(Enum):
    """What becomes of one request to a server."""

    NOW = auto()  # it happens, and nobody else goes on meanwhile
    LATER = auto()  # others go on, then it happens
    AFTER = auto()  # it happens, others go on, then the answer comes
    FAIL = auto()  # it does not happen, and that is told
    LOST = auto()  # it happens, and the caller is told that it did not
    TWICE = auto()  # the first answer is lost and the client library tries again
    CONFLICT = auto()  # 409 ConditionalRequestConflict: try again
    GHOST = auto()  # the caller is told that it did not happen; it happens when nobody counts on it any more
    HANG = auto()  # it takes minutes, then it happens
    DIE_BEFORE = auto()  # the pod dies, and it does not happen
    DIE_AFTER = auto()  # it happens, and the pod dies
    DIE_GHOST = auto()  # the pod dies, and it happens later


_DEADLY = (Fate.DIE_BEFORE, Fate.DIE_AFTER, Fate.DIE_GHOST)

# Shares of all requests, the rest is NOW or LATER.
_KINDS: dict[str, dict[Fate, float]] = {
    "calm": {},
    "deaths": {Fate.DIE_BEFORE: 0.008, Fate.DIE_AFTER: 0.008},
    "flaky": {Fate.FAIL: 0.02, Fate.LOST: 0.02, Fate.TWICE: 0.03, Fate.CONFLICT: 0.02},
    "slow": {Fate.HANG: 0.02},
    "ghosts": {Fate.GHOST: 0.02, Fate.DIE_GHOST: 0.01, Fate.TWICE: 0.02},
    "targeted": {Fate.HANG: 0.06, Fate.LOST: 0.02, Fate.FAIL: 0.02, Fate.GHOST: 0.02, Fate.DIE_AFTER: 0.04},
    "storm": {
        **dict.fromkeys((Fate.FAIL, Fate.LOST, Fate.TWICE, Fate.HANG), 0.012),
        **dict.fromkeys((Fate.CONFLICT, Fate.GHOST, *_DEADLY), 0.006),
    },
}
_CHOICE = ("calm", "deaths", "flaky", "slow", "ghosts", "storm", "targeted", "targeted", "aimed", "aimed deaths")
_TARGETS = ("submit", "requested", "delete", "sweep", "dead_letter")
_MOST_REQUESTS = 400  # of a run with aimed faults


@dataclass
class Weather:
    """The faults of one run: some at random, or a few that are aimed at the n-th request."""

    rng: random.Random
    kind: str
    later: float  # share of requests at which others go on first
    limits: list[float] = field(default_factory=list)  # running sums of the fates' shares
    fates: list[Fate] = field(default_factory=list)
    aimed: dict[int, Fate] = field(default_factory=dict)
    target: str | None = None  # the only handler that meets faults
    fair: bool = False
    asked: int = 0

    @property
    def mere_deaths(self) -> bool:
        """Whether pods die and nothing else goes wrong: then the contract says how soon a job ends."""
        return self.kind in ("calm", "deaths", "aimed deaths")

    def fate(self, handler: str) -> Fate:
        """What becomes of the next request, which `handler` makes."""
        self.asked += 1
        x = self.rng.random()
        if not self.fair:
            if self.asked in self.aimed:
                return self.aimed[self.asked]
            if self.limits and x < self.limits[-1] and self.target in (None, handler):
                return self.fates[bisect(self.limits, x)]
        return Fate.LATER if x > 1 - self.later else Fate.NOW

    def delay_ms(self) -> int:
        """How long an ordinary request takes."""
        x = self.rng.random()
        return int(20 + 200 * x * x) if x < 0.95 else int(x * 3000)

    def hang_ms(self) -> int:
        """How long one takes that hangs: often longer than a lease."""
        return self.rng.randrange(10_000, 200_000)


def weather_of(rng: random.Random) -> Weather:
    """The weather of a seed."""
    kind = rng.choice(_CHOICE)
    weather = Weather(rng, kind, rng.choice([0.2, 0.5, 0.8]))
    if kind.startswith("aimed"):
        fates = list(_DEADLY[:2]) if kind == "aimed deaths" else list(Fate)[3:]
        weather.aimed = {rng.randrange(_MOST_REQUESTS): rng.choice(fates) for _ in range(rng.randint(1, 4))}
        return weather
    weather.target = rng.choice(_TARGETS) if kind == "targeted" else None
    weather.limits, weather.fates = list(accumulate(_KINDS[kind].values())), list(_KINDS[kind])
    return weather
