"""Bugs in percentiles and in the time-weighted mean."""

from tests.planted import Bug

_TOTALS = "functions.calculate.analysis.totals:Totals"
_PERCENTILES = "functions.calculate.analysis.percentiles"
_ADD = f"{_PERCENTILES}:DistanceHistograms.add"
_OF_WEIGHTS = f"{_PERCENTILES}:_first_row"
_WEIGHTS = f"{_PERCENTILES}:_weights_half_us"
_REPORT = "functions.calculate.analysis.report:Report._distances"

BUGS = (
    Bug(
        "percentiles-with-context",
        _ADD,
        old="settled.is_new & settled.is_inside",
        new="settled.is_new",
        breaks="context counts for no percentile",
    ),
    Bug(
        "percentiles-without-contradicting",
        _ADD,
        old="settled.is_new & settled.is_inside",
        new="settled.is_new & settled.is_inside & ~settled.is_contradicting",
        breaks="contradicting fixes count for percentiles",
    ),
    Bug(
        "fixes-of-two-blocks-count-twice",
        _ADD,
        old="settled.is_new & settled.is_inside",
        new="settled.is_inside",
        breaks="each usable fix has the weight 1",
    ),
    Bug(
        "p95-is-p90",
        "functions.calculate.analysis.report:Report.document",
        old="states.histograms.percentiles(slot, (50, 95))",
        new="states.histograms.percentiles(slot, (50, 90))",
        breaks="p95 has 95 % of the weight",
    ),
    Bug(
        "less-than-half-the-weight",
        _OF_WEIGHTS,
        old="-(-int(cumulative[-1]) * percent // 100)",
        new="int(cumulative[-1]) * percent // 100",
        breaks="at least 50 % (95 %) of the weight lies at or below a percentile",
    ),
    Bug(
        "more-than-half-the-weight",
        _OF_WEIGHTS,
        old="weights[start : start + _GROUP].cumsum().searchsorted(needed)",
        new="weights[start:-1][:_GROUP].cumsum().searchsorted(needed, 'right')",
        breaks="a percentile is the smallest value with its weight",
    ),
    Bug(
        "weight-of-the-group-twice",
        _OF_WEIGHTS,
        old="int(cumulative[group - 1]) if group else 0",
        new="int(cumulative[group])",
        breaks="a percentile has the weight of the values up to it",
    ),
    Bug(
        "coarse-bins",
        _PERCENTILES,
        old="_MANTISSA_BITS = 12",
        new="_MANTISSA_BITS = 8",
        breaks="bins have a relative width of 2⁻¹²",
    ),
    Bug(
        "first-bin-of-10-m",
        _PERCENTILES,
        old="_SMALLEST_KM = 1e-6",
        new="_SMALLEST_KM = 1e-2",
        breaks="only distances under 1 mm share a bin",
    ),
    Bug(
        "interval-has-weight-at-its-start-alone",
        _WEIGHTS,
        old="weights[1:] += known_us[:-1]",
        new="pass",
        breaks="half of an interval is weight of its end",
    ),
    Bug(
        "half-of-interval-to-context",
        _WEIGHTS,
        old="2 - next_inside",
        new="1",
        breaks="all of an interval to a context fix is weight of the fix inside",
    ),
    Bug(
        "half-of-interval-from-context",
        _WEIGHTS,
        old="2 - is_inside[:-1]",
        new="1",
        breaks="all of an interval from a context fix is weight of the fix inside",
    ),
    Bug(
        "unknown-time-has-weight",
        "functions.calculate.analysis.device_states:DeviceStates._record",
        old="self.histograms.add(settled, intervals.known_us)",
        new="self.histograms.add(settled, intervals.cut_us)",
        breaks="unknown time has no weight in percentiles",
    ),
    Bug(
        "unknown-time-in-mean",
        f"{_TOTALS}.add",
        old="self._add_mean(settled, intervals.known_us, slots)",
        new="self._add_mean(settled, intervals.cut_us, slots)",
        breaks="unknown time has no weight in the mean",
    ),
    Bug(
        "mean-of-starts",
        f"{_TOTALS}._add_mean",
        old="(km + next_km) * known_us / (2 * HOUR_US)",
        new="km * known_us / HOUR_US",
        breaks="the mean of an interval is that of both ends",
    ),
    Bug(
        "mean-with-context-before",
        f"{_TOTALS}._add_mean",
        old="np.where(inside, km, next_km)",
        new="km",
        breaks="of an interval from a context fix the distance of the fix inside counts",
    ),
    Bug(
        "mean-with-context-after",
        f"{_TOTALS}._add_mean",
        old="np.where(next_inside, next_km, km)",
        new="next_km",
        breaks="of an interval to a context fix the distance of the fix inside counts",
    ),
    Bug(
        "mean-of-the-window",
        _REPORT,
        old="totals.km_hours.value(slot) * HOUR_US / weight_us",
        new="totals.km_hours.value(slot) * HOUR_US / self._length_us",
        breaks="the mean is over known intervals",
    ),
    Bug(
        "mean-of-no-time-is-0",
        _REPORT,
        old="totals.km_hours.value(slot) * HOUR_US / weight_us if weight_us else None",
        new="totals.km_hours.value(slot) * HOUR_US / weight_us if weight_us else 0.0",
        breaks="the mean is null without known time",
    ),
)
