from pathlib import Path

from local.problems import Problems


def test_only_new_lines_that_tell_of_a_problem_are_shown_with_their_part(tmp_path: Path) -> None:
    log = tmp_path / "calculate.log"
    log.write_text('{"level": "ERROR", "message": "old"}\n')
    problems = Problems(tmp_path)

    with log.open("a") as file:
        file.write('{"level": "INFO", "message": "fine"}\n{"level": "ERROR", "message": "new"}\n{"level": "ERR')
    (tmp_path / "supervisord.log").write_text("2026-01-25 10:00:00,000 WARN exited: s3 (terminated by SIGKILL)\n")

    assert problems.new() == [
        'calculate: {"level": "ERROR", "message": "new"}',
        "supervisord: 2026-01-25 10:00:00,000 WARN exited: s3 (terminated by SIGKILL)",
    ]
    assert problems.new() == []
    log.write_text('{"level": "CRITICAL"}\n')
    assert problems.new() == ['calculate: {"level": "CRITICAL"}']
