"""The notations of values in manifests, as Knative and Kubernetes read them: durations, quantities, names, images."""

import re
from decimal import Decimal

_GO_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_GO_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")
_GO = re.compile(rf"[+-]?(?:{_GO_PART.pattern})+")

_NUMBER = r"(\d+(?:[.,]\d*)?)"
_PERIOD = re.compile(
    rf"(?P<sign>[+-])?P(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
)
_PERIOD_SECONDS = (31_556_952, 2_629_746, 604_800, 86_400, 3600, 60, 1)

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")  # DNS, RFC 1123
_SERVICE_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")  # DNS, RFC 1035
_IMAGE = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::\d+)?/)?[a-z0-9_./-]{2,255}(?::(?P<tag>[\w.-]{1,128}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def go_duration(text: str) -> float | None:
    """Seconds of `1h30m`, `20s` and the like; None if it is none."""
    if text in ("0", "+0", "-0"):
        return 0.0
    if not _GO.fullmatch(text):
        return None
    seconds = sum(float(number) * _GO_UNITS[unit] for number, unit in _GO_PART.findall(text))
    return -seconds if text.startswith("-") else seconds


def period(text: str) -> Decimal | None:
    """Seconds of an ISO 8601 duration, None if it is none; as in Knative a digit beyond tenths is cut off."""
    found = _PERIOD.fullmatch(text)
    if text == "P0":
        return Decimal(0)
    if not found or not any(found.groups()[1:]):
        return None
    tenths = [int(Decimal((number or "0").replace(",", ".")) * 10) for number in found.groups()[1:]]
    seconds = sum((Decimal(tenth * unit) for tenth, unit in zip(tenths, _PERIOD_SECONDS, strict=True)), Decimal(0)) / 10
    return -seconds if found["sign"] == "-" else seconds


def cut_off(text: str) -> bool:
    """Whether a duration says more than the tenth of a unit that Knative reads."""
    return bool(re.search(r"[.,]\d0*[1-9]", text))


def quantity(value: object) -> Decimal | None:
    """A resource's amount, as of `500m` or `256Mi`; None if it is none."""
    found = _QUANTITY.fullmatch(str(value)) if isinstance(value, (str, int, float)) else None
    if not found:
        return None
    number, unit = Decimal(found[1]), found[2] or ""
    if unit in _BINARY:
        return number * Decimal(2 ** _BINARY[unit])
    power = _DECIMAL[unit] if unit in _DECIMAL else int(unit[1:])
    return number.scaleb(power)


def is_label(text: str) -> bool:
    """Whether a name can be a part of a host name, or a label's value: at most 63 of a-z, 0-9 and -."""
    return bool(_LABEL.fullmatch(text))


def is_service_label(text: str) -> bool:
    """As a label, and it begins with a letter."""
    return bool(_SERVICE_LABEL.fullmatch(text))


def is_domain(text: str) -> bool:
    """Whether labels, two or more, make a host name."""
    parts = text.split(".")
    return len(parts) > 1 and len(text) <= 253 and all(map(is_label, parts))


def is_image(text: str) -> bool:
    return bool(_IMAGE.fullmatch(text))


def is_pinned(text: str) -> bool:
    """Whether an image is named by its digest or by a tag that is not `latest`."""
    found = _IMAGE.fullmatch(text)
    return bool(found and (found["digest"] or (found["tag"] or "latest") != "latest"))
