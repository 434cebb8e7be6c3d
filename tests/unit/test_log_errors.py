from pathlib import Path

from local.log_errors import ErrorLogFollower


def test_only_new_error_lines_are_returned_with_their_component(tmp_path: Path) -> None:
    log = tmp_path / "calculate.log"
    log.write_text('{"level": "ERROR", "message": "old"}\n')
    follower = ErrorLogFollower(tmp_path)

    with log.open("a") as file:
        file.write('{"level": "INFO", "message": "fine"}\n{"level": "ERROR", "message": "new"}\n{"level": "ERR')
    (tmp_path / "supervisord.log").write_text("2026-01-25 10:00:00,000 WARN exited: s3 (terminated by SIGKILL)\n")

    assert follower.new_errors() == [
        'calculate: {"level": "ERROR", "message": "new"}',
        "supervisord: 2026-01-25 10:00:00,000 WARN exited: s3 (terminated by SIGKILL)",
    ]
    assert follower.new_errors() == []
    log.write_text('{"level": "CRITICAL"}\n')
    assert follower.new_errors() == ['calculate: {"level": "CRITICAL"}']
