"""`.venv/bin/python -I local/install.py LOCK`: installs requirements/LOCK.txt beside the Python that runs this.

Of pip's own configuration (PIP_* variables and pip.conf) only what says how to reach an index is taken: `user = true`,
`target`, `prefix`, `no-binary` and others would install something else, or elsewhere. Needs nothing but Python and pip.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
_WAY_TO_AN_INDEX = frozenset(
    {
        *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "keyring-provider"),
        *("cert", "client-cert", "proxy", "timeout", "default-timeout", "retries", "resume-retries"),
        *("cache-dir", "no-cache-dir"),
    }
)
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def pip_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` for pip: without its configuration, but for what says how to reach an index."""
    given = {name: text for name, text in environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    for name in CERTIFICATES:  # the hashes of the lock do not depend on them
        if not Path(given.get(name, "/")).exists():
            del given[name]
    own = {name: text for name, text in environ.items() if name == "PIP_CONFIG_FILE" or _is_allowed(name)}
    return {
        **given,
        **{f"PIP_{key.upper().replace('-', '_')}": text for key, text in _configured(given | own).items()},
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def _is_allowed(variable: str) -> bool:
    return variable.startswith("PIP_") and variable.removeprefix("PIP_").lower().replace("_", "-") in _WAY_TO_AN_INDEX


def _configured(environ: Mapping[str, str]) -> dict[str, str]:
    """The allowed options as pip finds them in its files and in `environ`, which has the last word."""
    command = [sys.executable, "-I", "-m", "pip", "config", "list"]
    listed = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=False).stdout
    found: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listed.splitlines():
        section, _, option = line.partition(".")
        key, _, text = option.partition("=")
        if section in found and key in _WAY_TO_AN_INDEX:
            found[section][key] = str(ast.literal_eval(text))
    return {**found["global"], **found["install"], **found[":env:"]}


def main(lock: str) -> int:
    """Install the lock; the exit code is that of pip."""
    name = f"requirements/{lock}.txt"
    print(f"installing {name} into {Path(sys.prefix).name} (once)", file=sys.stderr, flush=True)
    options = ["--quiet", "--require-hashes", "-r", str(_REQUIREMENTS / f"{lock}.txt")]
    command = [sys.executable, "-I", "-m", "pip", "install", *options]
    code = subprocess.run(command, env=pip_environment(os.environ), check=False).returncode
    if code:
        print(f"{name} could not be installed", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
