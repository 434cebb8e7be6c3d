"""The longest trips and gaps."""

from heapq import heappush, heappushpop
from typing import Generic, TypeVar

T = TypeVar("T")

SHOWN_OF_A_DEVICE = 100  # trips, and as many gaps


class Longest(Generic[T]):
    """The longest items of one device, the earlier ones on ties. Starts are distinct."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, T]] = []

    def add(self, start_us: int, length_us: int, item: T) -> None:
        entry = (length_us, -start_us, item)
        if len(self._heap) < SHOWN_OF_A_DEVICE:
            heappush(self._heap, entry)
        else:
            heappushpop(self._heap, entry)

    def items(self) -> list[tuple[int, int, T]]:
        """Return start, length and item of each, in no particular order."""
        return [(-negative_start, length, item) for length, negative_start, item in self._heap]
