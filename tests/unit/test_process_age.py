import os
import time
from pathlib import Path

import pytest

from shared.http.instrumentation import process_age


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no procfs")
def test_age_of_this_process_is_positive() -> None:
    assert 0 < process_age() < time.clock_gettime(time.CLOCK_BOOTTIME)


def write_stat(folder: Path, started: float) -> None:
    """Write the stat file of a process that started `started` seconds after boot."""
    folder.mkdir()
    fields = ["S", *["0"] * 18, str(round(started * os.sysconf("SC_CLK_TCK"))), "0"]
    (folder / "stat").write_text(f"1 (a name) with blanks) {' '.join(fields)}")


@pytest.mark.parametrize(("master", "age"), [(97.5, 4.5), (90.0, 2.0)])
def test_age_of_first_worker_includes_start_of_master(tmp_path: Path, master: float, age: float) -> None:
    write_stat(tmp_path / "self", 100.0)
    write_stat(tmp_path / str(os.getppid()), master)
    assert process_age(tmp_path, 102.0) == age


def test_age_without_procfs_is_0(tmp_path: Path) -> None:
    write_stat(tmp_path / "self", 100.0)
    assert process_age(tmp_path) == 0
