"""Bugs in the rejection of rows: reasons, their order, and the accuracy."""

from tests.planted import Bug

_SCREENING = "functions.calculate.analysis.screening"
_ANALYZER = "functions.calculate.analysis.analyzer"
_COORDINATES = f"{_SCREENING}:coordinate_reasons"
_ROWS = f"{_SCREENING}:row_reasons"
_ORDER = f"{_SCREENING}:order_reasons"

BUGS = (
    Bug(
        "missing-only-if-both-are",
        _COORDINATES,
        old="np.isnan(block.latitude) | np.isnan(block.longitude)",
        new="np.isnan(block.latitude) & np.isnan(block.longitude)",
        breaks="a row with one coordinate is missing",
    ),
    Bug(
        "out-of-range-before-missing",
        _COORDINATES,
        old="np.where(missing, ..., ...)",
        new="np.where(valid, -1, np.where((np.abs(block.latitude) > 90) | (np.abs(block.longitude) > 180), 1, 0))",
        breaks="missing is the first reason",
    ),
    Bug(
        "pole-out-of-range",
        _COORDINATES,
        old="np.abs(block.latitude) <= 90",
        new="np.abs(block.latitude) < 90",
        breaks="90 degrees are in range",
    ),
    Bug(
        "antimeridian-out-of-range",
        _COORDINATES,
        old="np.abs(block.longitude) <= 180",
        new="np.abs(block.longitude) < 180",
        breaks="180 degrees are in range",
    ),
    Bug(
        "null-island-is-a-line",
        _ROWS,
        old="(block.latitude == 0) & (block.longitude == 0)",
        new="(block.latitude == 0) | (block.longitude == 0)",
        breaks="one coordinate of 0 is a place",
    ),
    Bug(
        "invalid-accuracy-before-null-island",
        _ROWS,
        old="rules",
        new="[rules[index] for index in (0, 1, 3, 2)]",
        breaks="null_island comes before invalid_accuracy",
    ),
    Bug(
        "outside-window-before-invalid-accuracy",
        _ROWS,
        old="rules",
        new="[rules[index] for index in (1, 2, 0, 3)]",
        breaks="invalid_accuracy comes before outside_window",
    ),
    Bug(
        "outside-window-before-inaccurate",
        _ROWS,
        old="rules",
        new="[rules[index] for index in (1, 0, 2, 3)]",
        breaks="inaccurate comes before outside_window",
    ),
    Bug(
        "accuracy-of-0-invalid",
        _ROWS,
        old="block.accuracy < 0",
        new="block.accuracy <= 0",
        breaks="an accuracy of 0 is unknown",
    ),
    Bug(
        "null-accuracy-invalid",
        _ROWS,
        old="(block.accuracy < 0) & (block.accuracy != NULL)",
        new="block.accuracy < 0",
        breaks="an accuracy of null is unknown",
    ),
    Bug(
        "maximum-accuracy-inaccurate",
        _ROWS,
        old="block.accuracy > max_accuracy_m",
        new="block.accuracy >= max_accuracy_m",
        breaks="an accuracy of max_accuracy_m is usable",
    ),
    Bug(
        "maximum-accuracy-is-100-m",
        _ROWS,
        old="block.accuracy > max_accuracy_m",
        new="block.accuracy > min(max_accuracy_m, 100)",
        breaks="no fix below max_accuracy_m is inaccurate",
    ),
    Bug(
        "maximum-accuracy-is-constant",
        f"{_ANALYZER}:DayAnalyzer.__init__",
        old="parameters.max_accuracy_m",
        new="10_000",
        breaks="max_accuracy_m is a parameter",
    ),
    Bug(
        "start-outside-window",
        _ROWS,
        old="block.own_time_us < window_us[0]",
        new="block.own_time_us <= window_us[0]",
        breaks="the start of the window is inside",
    ),
    Bug(
        "end-inside-window",
        _ROWS,
        old="block.own_time_us >= window_us[1]",
        new="block.own_time_us > window_us[1]",
        breaks="the end of the window is outside",
    ),
    Bug(
        "rows-outside-window-are-candidates",
        f"{_ANALYZER}:DayAnalyzer.add",
        old="reasons < 0",
        new="(reasons < 0) | (reasons == Reason.OUTSIDE_WINDOW)",
        breaks="outside_window comes before duplicate and out_of_order",
    ),
    Bug(
        "inaccurate-rows-are-candidates",
        f"{_ANALYZER}:DayAnalyzer.add",
        old="reasons < 0",
        new="(reasons < 0) | (reasons == Reason.INACCURATE)",
        breaks="a rejected row is no candidate",
    ),
    Bug(
        "duplicates-of-the-row-before",
        _ORDER,
        old="np.maximum.accumulate(keys)[:-1]",
        new="keys[:-1]",
        breaks="times are compared with that of the previous candidate",
    ),
    Bug(
        "duplicates-usable",
        _ORDER,
        old="reasons[1:][keys[1:] == latest] = Reason.DUPLICATE",
        new="pass",
        breaks="a row with the time of the previous candidate is a duplicate",
    ),
    Bug(
        "duplicates-out-of-order",
        _ORDER,
        old="keys[1:] < latest",
        new="keys[1:] <= latest",
        breaks="duplicate comes before out_of_order",
    ),
    Bug(
        "out-of-order-usable",
        _ORDER,
        old="reasons[1:][keys[1:] < latest] = Reason.OUT_OF_ORDER",
        new="pass",
        breaks="a row before the previous candidate is out of order",
    ),
    Bug(
        "order-across-devices",
        f"{_SCREENING}:sort_keys",
        old="slot.astype(np.int64) << _SLOT_SHIFT",
        new="slot.astype(np.int64)",
        breaks="each device is analysed by itself",
    ),
    Bug(
        "unknown-accuracy-is-50-m",
        f"{_ANALYZER}:_accuracy_km",
        old="np.maximum(accuracy, 0)",
        new="np.where(accuracy <= 0, 50, accuracy)",
        breaks="an unknown accuracy gives no margin",
    ),
)
