"""Bugs in distances: farthest fix, paths, percentiles and mean."""

from tests.planted import Bug

_FARTHEST = "functions.calculate.analysis.trips:TripRecorder._update_farthest"
_PATHS = "functions.calculate.analysis.path:RobustPaths"
_ROWS = "functions.calculate.analysis.path_rows"
_SEARCH = "functions.calculate.analysis.path_search"
_TABLE = "functions.calculate.analysis.path_table:_fill"
_TOTALS = "functions.calculate.analysis.totals:Totals"
_PERCENTILES = "functions.calculate.analysis.percentiles"
_REPORT = "functions.calculate.analysis.report:Report._distances"

BUGS = (
    Bug(
        "farthest-without-accuracy",
        _FARTHEST,
        old="fixes.km - fixes.accuracy_km",
        new="fixes.km",
        breaks="farthest has the greatest distance less accuracy",
    ),
    Bug(
        "farthest-shows-distance-less-accuracy",
        _FARTHEST,
        old="float(fixes.km[row])",
        new="float(fixes.km[row] - fixes.accuracy_km[row])",
        breaks="farthest shows the distance itself",
    ),
    Bug(
        "farthest-not-rounded",
        _FARTHEST,
        old="np.rint(...)",
        new="(fixes.km - fixes.accuracy_km) * 1e6",
        breaks="farthest compares distances rounded to 6 decimals",
    ),
    Bug(
        "farthest-rounded-to-metres",
        _FARTHEST,
        old="np.rint(...)",
        new="np.rint((fixes.km - fixes.accuracy_km) * 1e3)",
        breaks="farthest compares distances rounded to 6 decimals",
    ),
    Bug(
        "farthest-is-the-last",
        _FARTHEST,
        old="farthest.millionths < maximum",
        new="farthest.millionths <= maximum",
        breaks="farthest is the first fix on ties",
    ),
    Bug(
        "farthest-of-context",
        _FARTHEST,
        old="~(settled.is_new & settled.is_inside) | settled.is_contradicting",
        new="~settled.is_new | settled.is_contradicting",
        breaks="farthest is a fix of the window",
    ),
    Bug(
        "farthest-contradicting",
        _FARTHEST,
        old="~(settled.is_new & settled.is_inside) | settled.is_contradicting",
        new="~(settled.is_new & settled.is_inside)",
        breaks="farthest is not contradicting",
    ),
    Bug(
        "robust-path-from-context",
        f"{_PATHS}.add",
        old="settled.is_new & settled.is_inside & ~settled.is_contradicting",
        new="settled.is_new & ~settled.is_contradicting",
        breaks="the robust path is that of fixes of the window",
    ),
    Bug(
        "robust-path-over-contradicting",
        f"{_PATHS}.add",
        old="settled.is_new & settled.is_inside & ~settled.is_contradicting",
        new="settled.is_new & settled.is_inside",
        breaks="the robust path leaves contradicting fixes out",
    ),
    Bug(
        "smallest-limit-of-45-m",
        _ROWS,
        old="SMALLEST_LIMIT_KM = 0.05",
        new="SMALLEST_LIMIT_KM = 0.045",
        breaks="within 50 m nothing moves",
    ),
    Bug(
        "smallest-limit-of-55-m",
        _ROWS,
        old="SMALLEST_LIMIT_KM = 0.05",
        new="SMALLEST_LIMIT_KM = 0.055",
        breaks="beyond 50 m a fix of good accuracy moves",
    ),
    Bug(
        "limit-without-accuracy-of-anchor",
        f"{_ROWS}:PathRows.is_beyond",
        old="self.accuracy_km[anchor] + self.accuracy_km[row]",
        new="self.accuracy_km[row]",
        breaks="the limit is the sum of both accuracies",
    ),
    Bug(
        "limit-without-accuracy-of-fix",
        f"{_ROWS}:PathRows.is_beyond",
        old="self.accuracy_km[anchor] + self.accuracy_km[row]",
        new="self.accuracy_km[anchor]",
        breaks="the limit is the sum of both accuracies",
    ),
    Bug(
        "excursions-count",
        f"{_SEARCH}:_change_at",
        old="not rows.can_return[row] or rows.is_beyond(anchor, row + 1)",
        new="True",
        breaks="a fix from which the next one returns adds nothing",
    ),
    Bug(
        "return-to-within-limit-of-excursion",
        f"{_SEARCH}:_change_at",
        old="rows.is_beyond(anchor, row + 1)",
        new="rows.is_beyond(row, row + 1)",
        breaks="a return is within the limit of the anchor",
    ),
    Bug(
        "return-at-1200-seconds",
        f"{_ROWS}:PathRows.__init__",
        old="np.diff(fixes.time_us) < _RETURN_US",
        new="np.diff(fixes.time_us) <= _RETURN_US",
        breaks="a return comes less than 1,200 s later",
    ),
    Bug(
        "return-within-1199-seconds",
        _ROWS,
        old="_RETURN_US = 1_200_000_000",
        new="_RETURN_US = 1_199_000_000",
        breaks="a return comes less than 1,200 s later",
    ),
    Bug(
        "return-in-another-state",
        f"{_ROWS}:PathRows.__init__",
        old="... & (fixes.state[1:] == fixes.state[:-1])",
        new="np.diff(fixes.time_us) < _RETURN_US",
        breaks="a return has the state of the fix before",
    ),
    Bug(
        "last-departure-not-counted",
        f"{_PATHS}.finish",
        old="departures.size",
        new="False",
        breaks="a last fix beyond the limit adds its leg",
    ),
    Bug(
        "anchor-never-replaced",
        f"{_SEARCH}:_change_at",
        old="rows.accuracy_km[row] < rows.replaced_below_km[anchor]",
        new="False",
        breaks="a more accurate fix of the same place replaces an anchor",
    ),
    Bug(
        "anchor-of-50-m-replaced",
        f"{_ROWS}:PathRows.__init__",
        old="fixes.accuracy_km > SMALLEST_LIMIT_KM",
        new="fixes.accuracy_km >= SMALLEST_LIMIT_KM",
        breaks="an anchor of 50 m is not replaced",
    ),
    Bug(
        "anchor-replaced-by-equal-accuracy",
        f"{_ROWS}:PathRows.__init__",
        old="np.where(..., fixes.accuracy_km, 0.0)",
        new="np.where(fixes.accuracy_km > SMALLEST_LIMIT_KM, np.nextafter(fixes.accuracy_km, 1), 0.0)",
        breaks="a fix that replaces an anchor is more accurate",
    ),
    Bug(
        "anchor-replaced-from-another-place",
        f"{_SEARCH}:_change_at",
        old="rows.is_beyond(anchor, row)",
        new="rows.is_beyond(anchor, row) and rows.replaced_below_km[anchor] == 0",
        breaks="a fix that replaces an anchor is within the limit",
    ),
    Bug(
        "anchor-replaced-by-excursion",
        _TABLE,
        old="(squares < limits * within) & (points.accuracy[ends] < replaced_below[begins])",
        new="points.accuracy[ends] < replaced_below[begins]",
        breaks="a fix that replaces an anchor is within the limit, in dense tracks too",
    ),
    Bug(
        "accurate-anchor-replaced",
        _TABLE,
        old="np.asarray(rows.replaced_below_km, np.float32)",
        new="points.accuracy",
        breaks="an anchor of at most 50 m is not replaced, in dense tracks too",
    ),
    Bug(
        "excursions-count-in-dense-tracks",
        _TABLE,
        old="~rows.can_return[ends] | ...",
        new="np.ones(len(ends), np.bool_)",
        breaks="a fix from which the next one returns adds nothing, in dense tracks too",
    ),
    Bug(
        "raw-path-from-context",
        f"{_TOTALS}._add_path",
        old="legs[1:] *= settled.is_inside[:-1]",
        new="pass",
        breaks="the raw path begins at the first fix of the window",
    ),
    Bug(
        "raw-path-to-context",
        f"{_TOTALS}._add_path",
        old="settled.fixes.leg_km * settled.is_inside",
        new="settled.fixes.leg_km * 1",
        breaks="the raw path ends at the last fix of the window",
    ),
    Bug(
        "raw-path-from-rejected-rows",
        "functions.calculate.analysis.analyzer:DayAnalyzer.add",
        old="leg_km[order[1:][reasons[order[:-1]] >= 0]] = np.nan",
        new="pass",
        breaks="a rejected row has no part in paths",
    ),
    Bug(
        "raw-path-across-devices",
        f"{_TOTALS}._add_path",
        old="legs[settled.starts] = 0",
        new="pass",
        breaks="the raw path is that of one device",
    ),
    Bug(
        "across-gaps-of-next-interval",
        f"{_TOTALS}._add_path",
        old="is_gap[:-1]",
        new="is_gap[1:]",
        breaks="across_gaps has the legs over gaps",
    ),
    Bug(
        "across-gaps-without-stays",
        f"{_TOTALS}.add",
        old="self._add_path(settled, intervals.is_gap, slots)",
        new="self._add_path(settled, intervals.is_gap & ~intervals.is_inferred, slots)",
        breaks="an inferred stay is a gap",
    ),
)
