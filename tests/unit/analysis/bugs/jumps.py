"""Bugs in the detection of jumps."""

from tests.planted import Bug

_SCREENING = "functions.calculate.analysis.screening"
_JUMPS = f"{_SCREENING}:find_jumps"

BUGS = (
    Bug(
        "excess-of-199-m",
        _SCREENING,
        old="_JUMP_EXCESS_KM = 0.2",
        new="_JUMP_EXCESS_KM = 0.1998",
        breaks="an excess of at most 200 m is no jump",
    ),
    Bug(
        "excess-of-201-m",
        _SCREENING,
        old="_JUMP_EXCESS_KM = 0.2",
        new="_JUMP_EXCESS_KM = 0.2002",
        breaks="an excess of more than 200 m can be a jump",
    ),
    Bug(
        "any-excess",
        _JUMPS,
        old="(excess > _JUMP_EXCESS_KM) & ...",
        new="(excess > jump_speed_kmh * hours) | fast",
        breaks="straight travel is no jump at any speed",
    ),
    Bug(
        "speed-of-the-path",
        _JUMPS,
        old="excess > jump_speed_kmh * hours",
        new="legs[middle] + legs[middle + 1] > jump_speed_kmh * hours",
        breaks="the speed is that of the excess",
    ),
    Bug(
        "speed-of-the-first-leg",
        _JUMPS,
        old="excess > jump_speed_kmh * hours",
        new="excess > jump_speed_kmh * first_hours",
        breaks="the time of the excess is that between the neighbours",
    ),
    Bug(
        "speed-is-constant",
        _JUMPS,
        old="jump_speed_kmh * hours",
        new="300 * hours",
        breaks="jump_speed_kmh is a parameter",
    ),
    Bug(
        "fast-legs-are-usable",
        _JUMPS,
        old="(excess > jump_speed_kmh * hours) | fast",
        new="excess > jump_speed_kmh * hours",
        breaks="a detour is a jump if both legs are faster than 1,000 km/h",
    ),
    Bug(
        "one-fast-leg-is-enough",
        _JUMPS,
        old="... & (legs[middle + 1] > ...)",
        new="np.maximum(legs[middle] / first_hours, legs[middle + 1] / (hours - first_hours)) > _JUMP_LEGS_KMH",
        breaks="both legs are faster than 1,000 km/h",
    ),
    Bug(
        "fast-legs-of-1001-kmh",
        _SCREENING,
        old="_JUMP_LEGS_KMH = 1_000",
        new="_JUMP_LEGS_KMH = 1_001",
        breaks="legs are fast above 1,000 km/h",
    ),
    Bug(
        "fast-legs-of-999-kmh",
        _SCREENING,
        old="_JUMP_LEGS_KMH = 1_000",
        new="_JUMP_LEGS_KMH = 999",
        breaks="legs are not fast up to 1,000 km/h",
    ),
    Bug(
        "jumps-are-no-neighbours",
        _JUMPS,
        old="return jumps",
        new="return jumps[np.append(True, np.diff(jumps) > 1)] if len(jumps) else jumps",
        breaks="neighbours are candidates, whether jumps or not",
    ),
    Bug(
        "neighbour-before-of-another-device",
        _JUMPS,
        old="(slot[middle - 1] == slot[middle]) & (slot[middle + 1] == slot[middle])",
        new="slot[middle + 1] == slot[middle]",
        breaks="the first candidate of a device is no jump",
    ),
    Bug(
        "neighbour-after-of-another-device",
        _JUMPS,
        old="(slot[middle - 1] == slot[middle]) & (slot[middle + 1] == slot[middle])",
        new="slot[middle - 1] == slot[middle]",
        breaks="the last candidate of a device is no jump",
    ),
    Bug(
        "context-before-is-a-neighbour",
        _JUMPS,
        old="inside[middle - 1] & inside[middle] & inside[middle + 1]",
        new="inside[middle] & inside[middle + 1]",
        breaks="the first candidate of the window is no jump, whatever the context",
    ),
    Bug(
        "context-after-is-a-neighbour",
        _JUMPS,
        old="inside[middle - 1] & inside[middle] & inside[middle + 1]",
        new="inside[middle - 1] & inside[middle]",
        breaks="the last candidate of the window is no jump, whatever the context",
    ),
    Bug(
        "leg-of-a-jump-counts",
        f"{_SCREENING}:take_rows",
        old="not isinstance(index, slice)",
        new="False",
        breaks="a jump has no part in paths",
    ),
    Bug(
        "jumps-not-counted",
        "functions.calculate.analysis.device_states:DeviceStates._keep_open",
        old="np.add.at(...)",
        new="None",
        breaks="rejected has the number of jumps",
    ),
    Bug(
        "no-wait-for-jumps",
        "functions.calculate.analysis.states:determine_states",
        old="considered[last] = 0",
        new="pass",
        breaks="a fix is usable once the next candidate shows that it is no jump",
    ),
    Bug(
        "open-jumps-counted",
        "functions.calculate.analysis.device_states:DeviceStates._keep_open",
        old="slots[is_settled]",
        new="slots",
        breaks="a jump counts once",
    ),
)
