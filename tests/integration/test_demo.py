"""`make demo` as a subprocess."""

import csv
import subprocess
import sys
from pathlib import Path

from tests.integration.whole_stack import environ


def demo(**settings: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "local", "demo"]
    return subprocess.run(command, env=environ(**settings), capture_output=True, text=True, timeout=120, check=False)


def test_the_demo_downloads_the_csv_of_a_day(tmp_path: Path) -> None:
    run = demo(DATA_DIR=tmp_path)

    assert (run.returncode, run.stderr) == (0, "")
    assert "the job is completed" in run.stdout
    assert "trips, with a tracking coverage of" in run.stdout
    [saved] = (tmp_path / "demo").glob("distance_20260121_iphone_stuart_*.csv")
    assert str(saved) in run.stdout
    with saved.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert ",".join(rows[1]) in run.stdout
    assert 1400 < len(rows) < 1500


def test_an_invalid_setting_fails_the_demo(tmp_path: Path) -> None:
    run = demo(DATA_DIR=tmp_path, AWAY_THRESHOLD_KM="far")

    assert run.returncode == 1
    assert run.stderr.startswith("the demo failed: AWAY_THRESHOLD_KM: ")
