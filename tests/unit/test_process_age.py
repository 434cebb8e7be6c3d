import os
import time
from pathlib import Path

import pytest

from shared.telemetry import process_age


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the kernel doesn't tell")
def test_the_kernel_tells_when_we_began() -> None:
    assert 0 < process_age.age() < time.clock_gettime(time.CLOCK_BOOTTIME)


def stat(folder: Path, began: float) -> None:
    """The kernel's line on a process that began so many seconds after the boot."""
    folder.mkdir()
    fields = ["S", *["0"] * 18, str(round(began * os.sysconf("SC_CLK_TCK"))), "0"]
    (folder / "stat").write_text(f"1 (a name) with blanks) {' '.join(fields)}")


@pytest.mark.parametrize(("master", "age"), [(97.5, 4.5), (90.0, 2.0)])
def test_a_masters_age_counts_for_the_worker_that_it_started_with(tmp_path: Path, master: float, age: float) -> None:
    stat(tmp_path / "self", 100.0)
    stat(tmp_path / str(os.getppid()), master)
    assert process_age.age(tmp_path, 102.0) == age


def test_a_kernel_that_does_not_tell_is_0(tmp_path: Path) -> None:
    stat(tmp_path / "self", 100.0)
    assert process_age.age(tmp_path) == 0
