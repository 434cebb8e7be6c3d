"""Durations, quantities, schedules, names and images as Knative reads them."""

from decimal import Decimal

import pytest

from manifests.schedules import wrong_schedule
from manifests.values import cut_off, go_duration, is_domain, is_image, is_label, is_pinned, period, quantity

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("6s", 6), ("1h", 3600), ("1h2m3.5s", 3723.5), ("1500ms", 1.5), ("-1s", -1), ("0", 0), ("1.s", 1)],
)
def test_a_duration_of_an_annotation(text: str, seconds: float) -> None:
    assert go_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "20", "1d", "s", "1 s", "PT1S"])
def test_no_duration_of_an_annotation(text: str) -> None:
    assert go_duration(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT0.5S", "0.5"),
        ("PT10M", "600"),
        ("P1DT1H", "90000"),
        ("P2W", "1209600"),
        ("PT0,5S", "0.5"),
        ("-PT1S", "-1"),
        ("P0", "0"),
        ("PT0.25S", "0.2"),
    ],
)
def test_a_duration_of_a_delivery_has_tenths(text: str, seconds: str) -> None:
    assert period(text) == Decimal(seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "1S", "PT5", "500ms", "PT1S1M", "pt1s"])
def test_no_duration_of_a_delivery(text: str) -> None:
    assert period(text) is None


def test_only_digits_beyond_the_tenths_are_cut_off() -> None:
    assert cut_off("PT0.25S")
    assert cut_off("PT0.05S")
    assert not cut_off("PT0.50S")
    assert not cut_off("PT10.5S")


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("500m", "0.5"),
        ("1", "1"),
        (2, "2"),
        ("1Ki", "1024"),
        ("256Mi", "268435456"),
        ("1.5G", "1500000000"),
        ("1e3", "1000"),
    ],
)
def test_a_quantity(value: object, amount: str) -> None:
    assert quantity(value) == Decimal(amount)


@pytest.mark.parametrize("value", ["", "128 MB", "128MB", "m", None, [1]])
def test_no_quantity(value: object) -> None:
    assert quantity(value) is None


@pytest.mark.parametrize(
    "text",
    ["* * * * *", "*/5 0-6 1,15 JAN-mar Mon", "30 0 9 * * 1-5", "0 0 ? * 6", "@hourly", "5/10 * * * *"],
)
def test_a_schedule(text: str) -> None:
    assert wrong_schedule(text) == ""


@pytest.mark.parametrize(
    "text",
    ["", "* * * *", "* * * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 7", "*/0 * * * *",
     "5-1 * * * *", "a * * * *", "1-a * * * *", "-1 * * * *", "@every 1m", "@sometimes"],
)  # fmt: skip
def test_no_schedule(text: str) -> None:
    assert wrong_schedule(text)


def test_a_label_has_63_characters_at_most() -> None:
    assert is_label("a" * 63)
    assert not any(map(is_label, ("a" * 64, "", "-a", "a-", "A", "a.b", "a_b")))


def test_a_domain_has_two_labels_or_more() -> None:
    assert is_domain("distance.example.com")
    assert not any(map(is_domain, ("distance", "example..com", ".com", "a." * 127 + "com")))


@pytest.mark.parametrize("text", ["dev.local/worker:1.0", f"worker@{DIGEST}", f"localhost:5000/a/b:1@{DIGEST}"])
def test_an_image_that_stays_the_same(text: str) -> None:
    assert is_pinned(text)


@pytest.mark.parametrize("text", ["worker", "worker:latest", "localhost:5000/worker"])
def test_an_image_that_may_be_another_tomorrow(text: str) -> None:
    assert is_image(text)
    assert not is_pinned(text)


@pytest.mark.parametrize("text", ["Worker Image:1", "worker:", "worker@sha256:0a", ""])
def test_no_image(text: str) -> None:
    assert not is_image(text)
