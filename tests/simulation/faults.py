"""Faults of a run: which ones occur, how often, and the choice at each step."""

import random
from bisect import bisect
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import accumulate


class Fault(Enum):
    """What happens to one request to a server."""

    NONE = auto()  # the request takes effect, and no other process runs in between
    LATER = auto()  # other processes run first, then the request takes effect
    FAIL = auto()  # the request has no effect, and the client gets an error
    LOST = auto()  # the request takes effect, but the client gets an error
    TWICE = auto()  # the first response is lost, and the client library retries
    CONFLICT = auto()  # 409 ConditionalRequestConflict
    GHOST = auto()  # the client gets an error, and the request takes effect up to a minute later
    HANG = auto()  # the request takes effect after minutes
    DIE_BEFORE = auto()  # the pod dies, and the request has no effect
    DIE_AFTER = auto()  # the request takes effect, and the pod dies
    DIE_GHOST = auto()  # the pod dies, and the request takes effect later


DEADLY = (Fault.DIE_BEFORE, Fault.DIE_AFTER, Fault.DIE_GHOST)

# Probability of each fault per request. All other requests are NONE or LATER.
_PROFILES: dict[str, dict[Fault, float]] = {
    "calm": {},
    "deaths": {Fault.DIE_BEFORE: 0.008, Fault.DIE_AFTER: 0.008},
    "flaky": {Fault.FAIL: 0.02, Fault.LOST: 0.02, Fault.TWICE: 0.03, Fault.CONFLICT: 0.02},
    "slow": {Fault.HANG: 0.02},
    "ghosts": {Fault.GHOST: 0.02, Fault.DIE_GHOST: 0.01, Fault.TWICE: 0.02},
    "targeted": {Fault.HANG: 0.06, Fault.LOST: 0.02, Fault.FAIL: 0.02, Fault.GHOST: 0.02, Fault.DIE_AFTER: 0.04},
    "storm": {
        **dict.fromkeys((Fault.FAIL, Fault.LOST, Fault.TWICE, Fault.HANG), 0.012),
        **dict.fromkeys((Fault.CONFLICT, Fault.GHOST, *DEADLY), 0.006),
    },
}
_CHOICES = ("calm", "deaths", "flaky", "slow", "ghosts", "storm", "targeted", "targeted", "aimed", "aimed deaths")
_TARGETS = ("submit", "requested", "delete", "sweep", "dead_letter")
_MAX_AIMED_REQUEST = 400


@dataclass
class FaultPlan:
    """Faults of one run: random ones by probability, or a few at fixed request numbers."""

    rng: random.Random
    profile: str
    later_probability: float
    limits: list[float] = field(default_factory=list)  # cumulative probabilities of `faults`
    faults: list[Fault] = field(default_factory=list)
    aimed: dict[int, Fault] = field(default_factory=dict)  # by request number
    target: str | None = None  # the only handler that gets faults
    over: bool = False  # no more faults occur
    requests: int = 0

    @property
    def only_deaths(self) -> bool:
        """Whether pods die and nothing else fails. The contract then limits the time until a job ends."""
        return self.profile in ("calm", "deaths", "aimed deaths")

    def next_fault(self, handler: str) -> Fault:
        """Choose what happens to the next request, which `handler` sends."""
        self.requests += 1
        x = self.rng.random()
        if not self.over:
            if self.requests in self.aimed:
                return self.aimed[self.requests]
            if self.limits and x < self.limits[-1] and self.target in (None, handler):
                return self.faults[bisect(self.limits, x)]
        return Fault.LATER if x > 1 - self.later_probability else Fault.NONE

    def delay_ms(self) -> int:
        """Return the duration of an ordinary request."""
        x = self.rng.random()
        return int(20 + 200 * x * x) if x < 0.95 else int(x * 3000)

    def hang_ms(self) -> int:
        """Return the duration of a request that hangs, which often exceeds a lease."""
        return self.rng.randrange(10_000, 200_000)


def plan_faults(rng: random.Random) -> FaultPlan:
    """Choose the faults of a run."""
    profile = rng.choice(_CHOICES)
    plan = FaultPlan(rng, profile, rng.choice([0.2, 0.5, 0.8]))
    if profile.startswith("aimed"):
        faults = list(DEADLY[:2]) if profile == "aimed deaths" else list(Fault)[2:]
        plan.aimed = {rng.randrange(_MAX_AIMED_REQUEST): rng.choice(faults) for _ in range(rng.randint(1, 4))}
        return plan
    plan.target = rng.choice(_TARGETS) if profile == "targeted" else None
    plan.limits, plan.faults = list(accumulate(_PROFILES[profile].values())), list(_PROFILES[profile])
    return plan
