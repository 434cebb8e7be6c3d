import os
import time
from pathlib import Path

import pytest

from shared import process_age


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the kernel doesn't tell")
def test_the_kernel_tells_when_we_began() -> None:
    assert 0 < process_age.age() < time.clock_gettime(time.CLOCK_BOOTTIME)


@pytest.mark.parametrize(("master", "age"), [(97.5, 4.5), (90.0, 2.0)])
def test_a_masters_age_counts_for_the_worker_that_it_started_with(
    monkeypatch: pytest.MonkeyPatch, master: float, age: float
) -> None:
    monkeypatch.setattr(process_age, "_began", lambda process: 100.0 if process == "self" else master)
    monkeypatch.setattr(time, "clock_gettime", lambda _: 102.0)
    assert process_age.age() == age


def test_a_kernel_that_does_not_tell_is_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getppid", lambda: 999_999_999)
    assert process_age.age() == 0
