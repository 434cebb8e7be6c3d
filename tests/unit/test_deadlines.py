import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.deadlines import SingleFlight, run_with_timeout


def test_what_is_done_in_time_is_given_or_raised_where_it_is_waited_for() -> None:
    assert run_with_timeout(lambda: 1, 10) == 1
    with pytest.raises(ZeroDivisionError):
        run_with_timeout(lambda: 1 / 0, 10)


def test_what_hangs_is_given_up_and_what_comes_of_it_is_cleared_away() -> None:
    hangs, cleared, late = threading.Event(), threading.Event(), list[int]()

    def work() -> int:
        hangs.wait()
        return 1

    def clear(result: int) -> None:
        late.append(result)
        cleared.set()

    with pytest.raises(TimeoutError):
        run_with_timeout(work, 0.01, clear)
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
        run_with_timeout(work, 0.01, late.append)
    hangs.set()
    assert failed.wait(10)
    assert not late


def test_a_time_out_of_the_works_own_is_not_ours() -> None:
    def work() -> int:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        run_with_timeout(work, 10, lambda _: pytest.fail("nothing came late"))


def test_what_is_shared_is_done_again_when_it_is_old() -> None:
    now, runs = [0.0], list[int]()

    def work() -> int:
        runs.append(1)
        return len(runs)

    shared = SingleFlight(work, 10, kept=lambda result: 5 if result == 1 else 1, clock=lambda: now[0])
    seen = []
    for now[0] in (0, 4.9, 5, 5.9, 6):
        seen.append(shared.start()())
    assert seen == [1, 1, 2, 2, 3]


def test_all_who_ask_at_once_share_one_run() -> None:
    goes_on, runs = threading.Event(), list[int]()

    def work() -> int:
        runs.append(1)
        goes_on.wait(10)
        return 7

    shared = SingleFlight(work, 10, kept=lambda _: 0)
    with ThreadPoolExecutor(8) as pool:
        asked = [shared.start() for _ in range(8)]
        waiting = [pool.submit(wait) for wait in asked]
        goes_on.set()
        assert [one.result() for one in waiting] == [7] * 8
    assert len(runs) == 1


def test_one_thread_hangs_however_many_ask_and_what_it_brings_at_last_is_taken() -> None:
    now, goes_on, runs = [0.0], threading.Event(), list[int]()

    def work() -> int:
        runs.append(1)
        goes_on.wait(10)
        return 7

    shared = SingleFlight(work, 3, kept=lambda _: 5, clock=lambda: now[0])
    wait = shared.start()
    for now[0] in (3, 100):
        with pytest.raises(TimeoutError):
            shared.start()()
    goes_on.set()
    now[0] = 0
    assert wait() == shared.start()() == 7
    assert len(runs) == 1


def test_what_fails_is_raised_to_each_and_not_kept() -> None:
    runs = list[int]()

    def work() -> int:
        runs.append(1)
        raise ZeroDivisionError

    shared = SingleFlight(work, 10, kept=lambda _: 5)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            shared.start()()
    assert len(runs) == 2
