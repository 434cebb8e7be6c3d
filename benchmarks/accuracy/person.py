"""A week of a person: days at work and at home, errands, walks, evenings out, and a night away.

docs/concepts/accuracy-method.md has the sources of the parameters.
"""

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.movement import Movement
from benchmarks.accuracy.roads import Place, Roads, Speed

MONDAY_S = 1_768_780_800  # 2026-01-19, midnight in UTC
DAYS = 7
_HOUR_S, _DAY_S = 3_600, 86_400
_SPARE_DAYS = 1  # before and after the week, so that each of its days has context

WALK = Speed(city_kmh=4.8, fast_kmh=4.8, spread=0.08, stop_m=500, stop_s=(5, 30))
BICYCLE = Speed(city_kmh=16, fast_kmh=18, spread=0.1, stop_m=700, stop_s=(5, 40))
CAR = Speed(city_kmh=40, fast_kmh=90, spread=0.15, stop_m=700, stop_s=(5, 60))


def week(seed: int) -> Movement:
    """Return the movement of a person from the Sunday before the week to the Monday after it."""
    return _Week(np.random.default_rng((seed, 0))).movement()


@dataclass(frozen=True)
class _Visit:
    place: Place
    duration_s: float


class _Week:
    """Builds the movement day by day: stays and journeys follow each other."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._roads = Roads(random)
        self._home = Place(0, 0)
        self._work = self._place(8.0, 0.7, (1.5, 35))
        self._school = Place(0.3 * self._work.east_m + 400, 0.3 * self._work.north_m - 300)  # on the way to work
        self._lunch = Place(self._work.east_m + 350, self._work.north_m + 200)
        self._shops = [self._place(1.2, 0.6, (0.6, 4)) for _ in range(3)]
        self._near = [self._at(random.uniform(0.38, 0.48)), self._at(random.uniform(0.53, 0.65))]
        self._friends = [self._place(5.0, 0.8, (1, 20)) for _ in range(3)]
        self._far = self._place(40.0, 0.5, (15, 80))
        self._vertices: list[tuple[float, float, float]] = [(MONDAY_S - _SPARE_DAYS * _DAY_S, 0, 0)]

    def movement(self) -> Movement:
        night_away = int(self._random.integers(0, DAYS - 1))
        for day in range(-_SPARE_DAYS, DAYS + _SPARE_DAYS):
            midnight_s = MONDAY_S + day * _DAY_S
            is_outside = self._work_or_rest(day, midnight_s)
            if day == night_away:
                self._leave(midnight_s, 18.5, 0.8, [_Visit(self._far, self._hours(15, 2))])
            elif is_outside or self._random.random() < 0.5:
                self._evening(day, midnight_s)
        self._stay_until(MONDAY_S + (DAYS + _SPARE_DAYS) * _DAY_S)
        time_s, east_m, north_m = np.array(self._vertices).T
        return Movement(time_s, east_m, north_m)

    def _work_or_rest(self, day: int, midnight_s: float) -> bool:
        """Add the daytime: at the office, at home with errands, or all at home. Return whether the person goes out."""
        kind = self._random.random()
        if kind >= 0.8:
            return False
        if day % 7 < 5 and kind < 0.6:
            self._leave(midnight_s, 8.0, 0.5, self._office_day())
            return True
        for hour in (10.0, 14.5)[: int(self._random.integers(1, 3))]:
            self._leave(midnight_s, hour, 0.8, self._errand())
        if day % 7 >= 5 and self._random.random() < 0.6:
            self._leave(midnight_s, 15.0, 1.0, [_Visit(self._any(self._friends), self._hours(3.5, 1))])
        if self._random.random() < 0.5:
            self._walk(midnight_s, 17.0)
        return True

    def _evening(self, day: int, midnight_s: float) -> None:
        choice = self._random.random()
        if choice < (0.45 if day % 7 in (4, 5) else 0.2):
            self._leave(midnight_s, 19.5, 0.5, [_Visit(self._any(self._friends), self._hours(3, 0.8))])
        elif choice < 0.55:
            self._walk(midnight_s, 19.0)
        elif choice < 0.65:
            self._leave(midnight_s, 18.8, 0.4, [_Visit(self._any(self._near), self._minutes(10, 50))])

    def _office_day(self) -> list[_Visit]:
        visits = [_Visit(self._school, self._minutes(3, 8))] if self._random.random() < 0.4 else []
        if self._random.random() < 0.5:
            visits += [_Visit(self._work, self._hours(4, 0.4)), _Visit(self._lunch, self._minutes(25, 45))]
            visits.append(_Visit(self._work, self._hours(4, 0.5)))
        else:
            visits.append(_Visit(self._work, self._hours(8.3, 0.6)))
        if self._random.random() < 0.45:
            visits.append(_Visit(self._any(self._shops), self._minutes(10, 30)))
        return visits

    def _errand(self) -> list[_Visit]:
        places = [*self._shops, *self._near]
        return [_Visit(self._any(places), self._minutes(10, 30)) for _ in range(1 + (self._random.random() < 0.25))]

    def _leave(self, midnight_s: float, hour: float, spread: float, visits: list[_Visit]) -> None:
        """Visit places one after another and return home. Leave at about `hour`, or soon after the last return."""
        self._stay_until(self._departure(midnight_s, hour, spread))
        for visit in visits:
            self._travel(visit.place)
            self._stay_until(self._now_s + visit.duration_s)
        self._travel(self._home)

    def _walk(self, midnight_s: float, hour: float) -> None:
        """Walk in a loop of 20 to 70 minutes that starts at home."""
        self._stay_until(self._departure(midnight_s, hour, 0.6))
        radius_m = self._minutes(20, 70) * WALK.city_kmh / 3.6 / 7.5  # the loop's circumference and its detours
        heading = self._random.uniform(0, 2 * math.pi)
        for turn in (-math.pi / 4, 0, math.pi / 4):
            reach = radius_m * (2.0 if turn == 0 else 1.4)
            corner = Place(reach * math.cos(heading + turn), reach * math.sin(heading + turn))
            self._follow(corner, WALK)
        self._follow(self._home, WALK)

    def _departure(self, midnight_s: float, hour: float, spread: float) -> float:
        planned_s = midnight_s + _HOUR_S * self._random.normal(hour, spread)
        return max(planned_s, self._now_s + self._minutes(15, 60))

    def _travel(self, place: Place) -> None:
        """Go to a place: on foot or by bicycle if it is near, else by car."""
        distance_m = place.distance_m(self._here)
        choice = self._random.random()
        if distance_m < 900 or (distance_m < 1_500 and choice < 0.5):
            self._follow(place, WALK)
        elif distance_m < 5_000 and choice < 0.35:
            self._follow(place, BICYCLE)
        else:
            self._follow(place, CAR)

    def _follow(self, place: Place, speed: Speed) -> None:
        self._vertices += self._roads.journey(self._here, place, speed, self._now_s)

    def _stay_until(self, time_s: float) -> None:
        if time_s > self._now_s:
            self._vertices.append((time_s, self._here.east_m, self._here.north_m))

    @property
    def _now_s(self) -> float:
        return self._vertices[-1][0]

    @property
    def _here(self) -> Place:
        _, east_m, north_m = self._vertices[-1]
        return Place(east_m, north_m)

    def _place(self, median_km: float, sigma: float, limits_km: tuple[float, float]) -> Place:
        return self._at(float(np.clip(median_km * self._random.lognormal(0, sigma), *limits_km)))

    def _at(self, km: float) -> Place:
        heading = self._random.uniform(0, 2 * math.pi)
        return Place(1000 * km * math.cos(heading), 1000 * km * math.sin(heading))

    def _any(self, places: list[Place]) -> Place:
        return places[int(self._random.integers(len(places)))]

    def _hours(self, mean: float, spread: float) -> float:
        return _HOUR_S * max(0.5, self._random.normal(mean, spread))

    def _minutes(self, shortest: float, longest: float) -> float:
        return 60 * self._random.uniform(shortest, longest)
