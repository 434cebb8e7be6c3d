"""`python -m local up`, `demo` and `observe`, the commands behind the Makefile's targets."""

import importlib
import sys

from local import environment

_COMMANDS = ("up", "demo", "observe")

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in _COMMANDS:
        sys.exit(f"usage: python -m local {'|'.join(_COMMANDS)}")
    environ = environment.restrict_process_environment()  # before the import of libraries that read the environment
    sys.exit(importlib.import_module(f"local.{sys.argv[1]}").main(environ))
