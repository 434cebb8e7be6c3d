"""`python -m local up`, `demo` and `observe`, for the Makefile."""

import importlib
import sys

from local import environment

_COMMANDS = ("up", "demo", "observe")

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in _COMMANDS:
        sys.exit(f"usage: python -m local {'|'.join(_COMMANDS)}")
    given = environment.apply()  # before libraries are imported that read the environment then
    sys.exit(importlib.import_module(f"local.{sys.argv[1]}").main(given))
