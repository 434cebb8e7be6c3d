"""`python -m local up`, `demo` and `observe`, for the Makefile."""

import os
import sys

from local import demo, observe, up

_COMMANDS = {"up": up.main, "demo": demo.main, "observe": observe.main}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in _COMMANDS:
        sys.exit(f"usage: python -m local {'|'.join(_COMMANDS)}")
    sys.exit(_COMMANDS[sys.argv[1]](os.environ))
