"""`make up`: the whole system in the foreground until Ctrl-C or SIGTERM."""

import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Never

from local import options
from local.postgres import NotStarted
from local.readiness import NotReady
from local.stack import Stack, running
from shared.errors import SettingsError

REFUSALS = (SettingsError, NotStarted, NotReady)
_LOOK_SECONDS = 0.5


class Stopped(BaseException):
    """Somebody wants this to end: not an Exception, so that nothing on the way takes it for a failure."""


def stop_on_signals() -> None:
    """SIGTERM and Ctrl-C raise Stopped, once: the second one may not cut the orderly end short."""

    def stop(*_: object) -> Never:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def main(environ: Mapping[str, str]) -> int:
    """Run until stopped; the exit code."""
    stop_on_signals()
    try:
        with running(options.read(environ)) as stack:
            print(f"ready {stack.url}", flush=True)
            watch(stack)
    except Stopped:
        return 0
    except REFUSALS as exc:
        print(exc, file=sys.stderr)
    return 1


def watch(stack: Stack, on_poll: Callable[[], None] = lambda: None) -> None:
    """Print new problems of the parts to stderr, and call `on_poll`, until Stopped or until supervisord exits."""
    while stack.supervisor.alive:
        for line in stack.problems.new():
            print(line, file=sys.stderr, flush=True)
        on_poll()
        time.sleep(_LOOK_SECONDS)
    print("supervisord ended, and every part with it", file=sys.stderr)
