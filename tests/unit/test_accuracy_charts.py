"""Lines of the charts are simplified without losing their shape."""

from benchmarks.accuracy.charts import simplify


def test_points_on_a_line_are_removed() -> None:
    assert simplify([(x, 2.0 * x) for x in range(100)]) == [(0, 0.0), (99, 198.0)]


def test_points_off_the_line_are_kept() -> None:
    points = [(0.0, 0.0), (1.0, 0.2), (2.0, 9.0), (2.0, 0.0), (4.0, 0.1)]
    assert simplify(points) == [(0.0, 0.0), (1.0, 0.2), (2.0, 9.0), (2.0, 0.0), (4.0, 0.1)]
