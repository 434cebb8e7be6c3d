"""`make up`: run the whole system in the foreground until Ctrl-C or SIGTERM."""

import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Never

from local import options
from local.postgres import PostgresUnavailable
from local.stack import Stack, run_stack
from local.startup import StartupError
from shared.errors import SettingsError

STARTUP_ERRORS = (SettingsError, PostgresUnavailable, StartupError)
_POLL_SECONDS = 0.5


class StopRequested(BaseException):
    """SIGTERM or Ctrl-C. Not an Exception, so that no handler of failures catches it."""


def stop_on_signals() -> None:
    """Make SIGTERM and Ctrl-C raise StopRequested once; later signals do not interrupt the shutdown."""

    def stop(*_: object) -> Never:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        raise StopRequested

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def main(environ: Mapping[str, str]) -> int:
    """Run until stopped; return the exit code."""
    stop_on_signals()
    try:
        with run_stack(options.read(environ)) as stack:
            print(f"ready {stack.url}", flush=True)
            print_errors(stack)
    except StopRequested:
        return 0
    except STARTUP_ERRORS as exc:
        print(exc, file=sys.stderr)
    return 1


def print_errors(stack: Stack, on_poll: Callable[[], None] = lambda: None) -> None:
    """Print new errors in the components' logs to stderr, and call `on_poll`, until supervisord exits."""
    while stack.supervisor.is_running:
        for line in stack.log_errors.new_errors():
            print(line, file=sys.stderr, flush=True)
        on_poll()
        time.sleep(_POLL_SECONDS)
    print("supervisord exited and stopped all components", file=sys.stderr)
