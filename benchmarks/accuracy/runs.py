"""Run the methods on the weeks of some seeds, and store what they say for the published page."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.accuracy import person
from benchmarks.accuracy.estimates import AWAY, DAY_S, Estimate, Trip
from benchmarks.accuracy.methods import DayJob
from benchmarks.accuracy.movement import DayTruth, Movement, degrees, winding
from benchmarks.accuracy.phones import KINDS, Kind, Recording, record
from benchmarks.accuracy.scores import LONG_TRIP_S, Tally, tally_day

RESULTS = Path(__file__).with_name("results.json")
DAYS_S = tuple(person.MONDAY_S + day * DAY_S for day in range(person.DAYS))
PLAIN, ANALYSIS = "plain rule", "analysis"
BY_ARRIVAL = {PLAIN: "plain rule by arrival", ANALYSIS: "analysis by arrival"}

Method = Callable[[Recording, Sequence[int]], list[Estimate]]


@dataclass(frozen=True)
class MethodWeek:
    """The account of a method of one week of a phone."""

    phone: str
    method: str
    seed: int
    tally: Tally


@dataclass(frozen=True)
class RecordedWeek:
    """Rows of a phone in a week, and how many of the trips of at least 10 minutes have no fix."""

    phone: str
    seed: int
    rows: int
    unseen_trips: int


@dataclass(frozen=True)
class LivedWeek:
    """What a person did in a week."""

    seed: int
    days_at_home: int  # days without a second farther from home than the threshold
    trips: int
    away_hours: float
    path_km: float
    winding: float  # length of the roads by that of straight lines of 600 m


@dataclass
class Results:
    """The accounts of all methods, and what they are about."""

    lived: list[LivedWeek] = field(default_factory=list)
    recorded: list[RecordedWeek] = field(default_factory=list)
    weeks: list[MethodWeek] = field(default_factory=list)

    @property
    def seeds(self) -> list[int]:
        return [week.seed for week in self.lived]

    def tallies(self, method: str, phone: str = "") -> list[Tally]:
        """Return the tallies of a method, for one kind of phone or for all."""
        return [week.tally for week in self.weeks if week.method == method and phone in ("", week.phone)]


def run(seeds: Iterable[int], methods: Mapping[str, Method], report: Callable[[str], None] = lambda _: None) -> Results:
    """Run methods on each kind of phone in the week of each seed; `report` receives the name of the next step."""
    results = Results()
    for seed in seeds:
        movement = person.week(seed)
        truths = [movement.day(day_s) for day_s in DAYS_S]
        results.lived.append(_lived(seed, movement, truths))
        for kind in KINDS:
            report(f"seed {seed}, {kind.name}")
            recording = record(kind, movement, seed)
            results.recorded.append(_recorded(kind, seed, recording, truths))
            results.weeks += _run_methods(kind, seed, recording, truths, methods)
    return results


def own_methods() -> dict[str, Method]:
    """Return the plain rule and the analysis, with the day column `timestamp`, and with `created_at`."""
    return {
        PLAIN: _plain,
        ANALYSIS: _analysis,
        BY_ARRIVAL[PLAIN]: partial(_plain, by_arrival=True),
        BY_ARRIVAL[ANALYSIS]: partial(_analysis, by_arrival=True),
    }


def _plain(recording: Recording, days_s: Sequence[int], *, by_arrival: bool = False) -> list[Estimate]:
    return [DayJob(recording, day_s, by_arrival=by_arrival).plain() for day_s in days_s]


def _analysis(recording: Recording, days_s: Sequence[int], *, by_arrival: bool = False) -> list[Estimate]:
    return [DayJob(recording, day_s, by_arrival=by_arrival).analysis() for day_s in days_s]


def _run_methods(
    kind: Kind, seed: int, recording: Recording, truths: Sequence[DayTruth], methods: Mapping[str, Method]
) -> Iterator[MethodWeek]:
    for name, method in methods.items():
        days = [tally_day(*pair) for pair in zip(truths, method(recording, DAYS_S), strict=True)]
        yield MethodWeek(kind.name, name, seed, sum(days, Tally()))


def _lived(seed: int, movement: Movement, truths: Sequence[DayTruth]) -> LivedWeek:
    away_s = [int(np.count_nonzero(truth.states == AWAY)) for truth in truths]
    return LivedWeek(
        seed=seed,
        days_at_home=away_s.count(0),
        trips=sum(len(long_trips(truth)) for truth in truths),
        away_hours=round(sum(away_s) / 3_600, 2),
        path_km=round(sum(truth.path_km for truth in truths), 3),
        winding=round(winding(*degrees(movement.east_m, movement.north_m)), 3),
    )


def _recorded(kind: Kind, seed: int, recording: Recording, truths: Sequence[DayTruth]) -> RecordedWeek:
    """Count the rows of the week, and the trips without a fix."""
    own_s = recording.rows.own_time_us / 1e6
    unseen = 0
    for day_s, truth in zip(DAYS_S, truths, strict=True):
        for trip in long_trips(truth):
            unseen += not ((own_s >= day_s + trip.start) & (own_s < day_s + trip.end)).any()
    in_week = (own_s >= DAYS_S[0]) & (own_s < DAYS_S[-1] + DAY_S)
    return RecordedWeek(kind.name, seed, int(np.count_nonzero(in_week)), unseen)


def long_trips(truth: DayTruth) -> list[Trip]:
    """Return the trips of a day that last at least 10 minutes."""
    return [trip for trip in truth.trips if trip.end - trip.start >= LONG_TRIP_S]


def store(results: Results, versions: Mapping[str, str], path: Path = RESULTS) -> None:
    """Write results as JSON, one line for each week."""
    parts = [f'"versions": {json.dumps(dict(versions))}']
    for name, rows in vars(results).items():
        lines = ",\n".join(json.dumps(asdict(row), separators=(",", ":")) for row in rows)
        parts.append(f'"{name}": [\n{lines}\n]')
    path.write_text("{" + ",\n".join(parts) + "}\n", encoding="utf-8")


def load(path: Path = RESULTS) -> tuple[Results, dict[str, str]]:
    """Read stored results, and the versions of the libraries."""
    document = json.loads(path.read_text(encoding="utf-8"))
    weeks = [MethodWeek(**{**row, "tally": Tally(**row["tally"])}) for row in document["weeks"]]
    lived = [LivedWeek(**row) for row in document["lived"]]
    return Results(lived, [RecordedWeek(**row) for row in document["recorded"]], weeks), document["versions"]
