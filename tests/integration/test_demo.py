"""`make demo` as its user sees it."""

import csv
import subprocess
import sys
from pathlib import Path

from tests.integration.whole_stack import environ


def demo(**settings: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "local", "demo"]
    return subprocess.run(command, env=environ(**settings), capture_output=True, text=True, timeout=120, check=False)


def test_a_day_goes_from_submission_to_a_csv_on_disk(tmp_path: Path) -> None:
    run = demo(DATA_DIR=tmp_path)

    assert (run.returncode, run.stderr) == (0, "")
    assert "the job is completed" in run.stdout
    [saved] = (tmp_path / "demo").glob("distance_20260121_iphone_stuart_*.csv")
    assert str(saved) in run.stdout
    with saved.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert ",".join(rows[1]) in run.stdout
    assert 1400 < len(rows) < 1500


def test_a_setting_it_can_not_use_is_its_reason_to_fail(tmp_path: Path) -> None:
    run = demo(DATA_DIR=tmp_path, AWAY_THRESHOLD_KM="far")

    assert run.returncode == 1
    assert run.stderr.startswith("the demo failed: AWAY_THRESHOLD_KM: ")
