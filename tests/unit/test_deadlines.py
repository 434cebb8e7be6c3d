import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.deadlines import SingleFlight, run_with_timeout


def test_run_with_timeout_returns_result_or_raises_exception_of_work() -> None:
    assert run_with_timeout(lambda: 1, 10) == 1
    with pytest.raises(ZeroDivisionError):
        run_with_timeout(lambda: 1 / 0, 10)


def test_threads_are_reused() -> None:
    threads = [run_with_timeout(threading.current_thread, 10) for _ in range(200)]
    assert len(set(threads)) < 200
    assert all(thread.daemon for thread in threads)


def test_concurrent_calls_do_not_wait_for_each_other() -> None:
    barrier = threading.Barrier(20, timeout=10)
    with ThreadPoolExecutor(20) as callers:
        assert sorted(callers.map(lambda _: run_with_timeout(barrier.wait, 10), range(20))) == list(range(20))


def test_calls_work_after_a_fork() -> None:
    program = """
import os, threading
from shared.deadlines import run_with_timeout
run_with_timeout(threading.current_thread, 10)
child = os.fork()
if not child:
    os._exit(run_with_timeout(lambda: 7, 10))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.check_output([sys.executable, "-W", "ignore", "-c", program], text=True) == "7\n"


def test_late_result_is_passed_to_on_late() -> None:
    unblock, released, late = threading.Event(), threading.Event(), list[int]()

    def work() -> int:
        unblock.wait()
        return 1

    def release(result: int) -> None:
        late.append(result)
        released.set()

    with pytest.raises(TimeoutError):
        run_with_timeout(work, 0.01, release)
    assert not late
    unblock.set()
    assert released.wait(10)
    assert late == [1]


def test_late_exception_is_ignored() -> None:
    unblock, failed, late = threading.Event(), threading.Event(), list[int]()

    def work() -> int:
        unblock.wait()
        failed.set()
        raise ZeroDivisionError

    with pytest.raises(TimeoutError):
        run_with_timeout(work, 0.01, late.append)
    unblock.set()
    assert failed.wait(10)
    assert not late


def test_timeout_error_of_work_is_not_a_late_result() -> None:
    def work() -> int:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        run_with_timeout(work, 10, lambda _: pytest.fail("no late result"))


def test_result_is_cached_for_its_cache_seconds() -> None:
    now, runs = [0.0], list[int]()

    def work() -> int:
        runs.append(1)
        return len(runs)

    flight = SingleFlight(work, 10, cache_seconds=lambda result: 5 if result == 1 else 1, clock=lambda: now[0])
    results = []
    for now[0] in (0, 4.9, 5, 5.9, 6):
        results.append(flight.start()())
    assert results == [1, 1, 2, 2, 3]


def test_concurrent_callers_share_one_run() -> None:
    unblock, runs = threading.Event(), list[int]()

    def work() -> int:
        runs.append(1)
        unblock.wait(10)
        return 7

    flight = SingleFlight(work, 10, cache_seconds=lambda _: 0)
    with ThreadPoolExecutor(8) as pool:
        waits = [flight.start() for _ in range(8)]
        futures = [pool.submit(wait) for wait in waits]
        unblock.set()
        assert [future.result() for future in futures] == [7] * 8
    assert len(runs) == 1


def test_hanging_run_occupies_one_thread_and_its_late_result_is_used() -> None:
    now, unblock, runs = [0.0], threading.Event(), list[int]()

    def work() -> int:
        runs.append(1)
        unblock.wait(10)
        return 7

    flight = SingleFlight(work, 3, cache_seconds=lambda _: 5, clock=lambda: now[0])
    wait = flight.start()
    for now[0] in (3, 100):
        with pytest.raises(TimeoutError):
            flight.start()()
    unblock.set()
    now[0] = 0
    assert wait() == flight.start()() == 7
    assert len(runs) == 1


def test_exception_is_raised_to_each_caller_and_not_cached() -> None:
    runs = list[int]()

    def work() -> int:
        runs.append(1)
        raise ZeroDivisionError

    flight = SingleFlight(work, 10, cache_seconds=lambda _: 5)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            flight.start()()
    assert len(runs) == 2
