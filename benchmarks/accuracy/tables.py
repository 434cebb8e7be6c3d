"""The tables of docs/concepts/accuracy.md."""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.accuracy.phones import KINDS
from benchmarks.accuracy.runs import ANALYSIS, BY_ARRIVAL, PLAIN, Results
from benchmarks.accuracy.scores import Scores, scores

_ALL = "all"
Cell = Callable[[Scores], str]


def tables(results: Results) -> dict[str, list[str]]:
    """Return the lines of each table by its name."""
    cells: Mapping[str, Cell] = {
        "false-departures": lambda figures: f"{figures.false_departures_a_day:.2f}",
        "missed-trips": lambda figures: _number(figures.missed_percent, 1),
        "wrong-and-unknown": lambda figures: f"{figures.wrong_minutes:.0f} / {figures.unknown_minutes:.0f}",
        "home-and-away": lambda figures: f"{figures.home_error_minutes:.0f} / {figures.away_error_minutes:.0f}",
        "times": lambda figures: f"{_number(figures.departure_minutes, 1)} / {_number(figures.return_minutes, 1)}",
        "path": lambda figures: (
            f"{_number(figures.path_bias_percent, 0, '+')} / {_number(figures.path_error_percent, 0)}"
        ),
    }
    found = {name: _by_phone(results, cell) for name, cell in cells.items()}
    return found | {
        "summary": _summary(results),
        "people": _people(results),
        "phones": _phones(results),
        "intervals": _intervals(results),
        "arrival": _arrival(results),
        "weeks": _weeks(results),
    }


def methods(results: Results) -> list[str]:
    """Return the names of the methods, without those by arrival."""
    return [name for name in dict.fromkeys(week.method for week in results.weeks) if name not in BY_ARRIVAL.values()]


def _summary(results: Results) -> list[str]:
    """Return the scores of each method over all phones."""
    rows = []
    for name in methods(results):
        figures = scores(results.tallies(name))
        rows.append(
            [
                name,
                f"{figures.false_departures_a_day:.2f}",
                f"{_number(figures.missed_percent, 1)} %",
                f"{figures.wrong_minutes:.0f}",
                f"{figures.unknown_minutes:.0f}",
                f"{_number(figures.path_bias_percent, 0, '+')} %",
                f"{_number(figures.path_error_percent, 0)} %",
            ]
        )
    head = ["false departures a day", "missed trips", "wrong minutes a day", "unknown minutes a day", "path bias"]
    return table(["method", *head, "path error"], rows)


def _by_phone(results: Results, cell: Cell) -> list[str]:
    names = methods(results)
    rows = [
        [phone, *(cell(scores(results.tallies(name, "" if phone == _ALL else phone))) for name in names)]
        for phone in (*(kind.name for kind in KINDS), _ALL)
    ]
    return table(["phone", *names], rows)


def _people(results: Results) -> list[str]:
    days = 7 * len(results.lived)
    rows = [
        ["distance travelled a day", f"{sum(week.path_km for week in results.lived) / days:.1f} km"],
        ["days without going out", f"{100 * sum(week.days_at_home for week in results.lived) / days:.0f} %"],
        ["trips of at least 10 minutes a day", f"{sum(week.trips for week in results.lived) / days:.1f}"],
        ["time away a day", f"{sum(week.away_hours for week in results.lived) / days:.1f} h"],
        [
            "length of roads by that of straight lines of 600 m",
            f"{7 * sum(week.winding for week in results.lived) / days:.2f}",
        ],
    ]
    return table(["people", "mean"], rows)


def _phones(results: Results) -> list[str]:
    trips = sum(week.trips for week in results.lived)
    rows = []
    for kind in KINDS:
        weeks = [week for week in results.recorded if week.phone == kind.name]
        unseen = sum(week.unseen_trips for week in weeks)
        rows.append(
            [
                kind.name,
                kind.description,
                f"{sum(week.rows for week in weeks) / 7 / len(weeks):,.0f}",
                f"{unseen} of {trips}",
            ]
        )
    return table(["phone", "reports", "fixes a day", "trips without a fix"], rows)


def _intervals(results: Results) -> list[str]:
    phones = [kind.name for kind in KINDS]
    figures = [scores(results.tallies(ANALYSIS, phone)).bracketed_percent for phone in phones]
    return table(phones, [[_number(percent, 0) for percent in figures]])


def _arrival(results: Results) -> list[str]:
    rows = []
    for name in (PLAIN, ANALYSIS):
        for label, method in (("timestamp", name), ("created_at", BY_ARRIVAL[name])):
            figures = scores(results.tallies(method))
            rows.append(
                [
                    name,
                    f"`{label}`",
                    f"{figures.false_departures_a_day:.2f}",
                    _number(figures.missed_percent, 1),
                    f"{figures.wrong_minutes:.1f}",
                    f"{figures.unknown_minutes:.1f}",
                ]
            )
    head = [
        "method",
        "day column",
        "false departures a day",
        "missed trips (%)",
        "wrong minutes a day",
        "unknown minutes a day",
    ]
    return table(head, rows)


def _weeks(results: Results) -> list[str]:
    """Return the smallest and the largest figure of a week, over all phones."""
    rows = []
    for name in methods(results):
        figures = [
            scores(week.tally for week in results.weeks if week.method == name and week.seed == seed)
            for seed in results.seeds
        ]
        cells = [
            _range([each.false_departures_a_day for each in figures], 2),
            _range([each.missed_percent or 0 for each in figures], 0),
            _range([each.wrong_minutes for each in figures], 0),
            _range([each.path_error_percent or 0 for each in figures], 0),
        ]
        rows.append([name, *cells])
    return table(
        ["method", "false departures a day", "missed trips (%)", "wrong minutes a day", "path error (%)"], rows
    )


def _range(values: Sequence[float], digits: int) -> str:
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def _number(value: float | None, digits: int, sign: str = "") -> str:
    """Format a number; the minus sign is a real one, and a value that rounds to zero has none."""
    if value is None:
        return "\N{EN DASH}"
    text = f"{round(value, digits) + 0.0:{sign}.{digits}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table."""
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
