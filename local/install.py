"""`.venv/bin/python -I local/install.py LOCK`: install requirements/LOCK.txt into this Python's environment.

Of pip's configuration (PIP_* variables and pip.conf), only options for reaching a package index apply. Others, such as
`user`, `target` or `no-binary`, would change what is installed or where. This script needs only Python and pip.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
_INDEX_OPTIONS = frozenset(
    {
        *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "keyring-provider"),
        *("cert", "client-cert", "proxy", "timeout", "default-timeout", "retries", "resume-retries"),
        *("cache-dir", "no-cache-dir"),
    }
)
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def pip_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for pip: `environ` with no configuration of pip's except options for reaching an index."""
    inherited = {name: text for name, text in environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    for name in CERTIFICATES:  # a path to a missing file makes pip fail; the lock's hashes verify the packages
        if not Path(inherited.get(name, "/")).exists():
            del inherited[name]
    allowed = {name: text for name, text in environ.items() if name == "PIP_CONFIG_FILE" or _is_allowed(name)}
    return {
        **inherited,
        **{f"PIP_{key.upper().replace('-', '_')}": text for key, text in _index_options(inherited | allowed).items()},
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def _is_allowed(variable: str) -> bool:
    return variable.startswith("PIP_") and variable.removeprefix("PIP_").lower().replace("_", "-") in _INDEX_OPTIONS


def _index_options(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the allowed options from pip's configuration files and `environ`, which takes precedence."""
    command = [sys.executable, "-I", "-m", "pip", "config", "list"]
    output = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=False).stdout
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in output.splitlines():
        section, _, option = line.partition(".")
        key, _, text = option.partition("=")
        if section in sections and key in _INDEX_OPTIONS:
            sections[section][key] = str(ast.literal_eval(text))
    return {**sections["global"], **sections["install"], **sections[":env:"]}


def main(lock: str) -> int:
    """Install the lock; return pip's exit code."""
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
