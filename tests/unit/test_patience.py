import threading

import pytest

from shared.patience import in_time


def test_what_is_done_in_time_is_given_or_raised_where_it_is_waited_for() -> None:
    assert in_time(lambda: 1, 10) == 1
    with pytest.raises(ZeroDivisionError):
        in_time(lambda: 1 / 0, 10)


def test_what_hangs_is_given_up_and_what_comes_of_it_is_cleared_away() -> None:
    hangs, cleared, late = threading.Event(), threading.Event(), list[int]()

    def work() -> int:
        hangs.wait()
        return 1

    def clear(result: int) -> None:
        late.append(result)
        cleared.set()

    with pytest.raises(TimeoutError):
        in_time(work, 0.01, clear)
    assert not late
    hangs.set()
    assert cleared.wait(10)
    assert late == [1]


def test_what_hangs_and_fails_later_is_nobodys_business() -> None:
    hangs, failed, late = threading.Event(), threading.Event(), list[int]()

    def work() -> int:
        hangs.wait()
        failed.set()
        raise ZeroDivisionError

    with pytest.raises(TimeoutError):
        in_time(work, 0.01, late.append)
    hangs.set()
    assert failed.wait(10)
    assert not late


def test_a_time_out_of_the_works_own_is_not_ours() -> None:
    def work() -> int:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        in_time(work, 10, lambda _: pytest.fail("nothing came late"))
