"""libpq's environment variables (PGHOST, PGSERVICE, PGOPTIONS, …), which are not settings of this project.

They would change the target of a connection or the output format of the server. Only the variables that secure a
connection stay: otherwise a deployment that relies on PGSSLMODE=verify-full would silently lose TLS.
"""

import os
import re
from collections.abc import Mapping, MutableMapping

_SECURITY = re.compile(r"PGSSL[A-Z]*|PGCHANNELBINDING|PGREQUIREAUTH|PGGSSENCMODE")


def security_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that control encryption and authentication of a connection."""
    return {name: text for name, text in environ.items() if _SECURITY.fullmatch(name)}


def remove_other_variables(environ: MutableMapping[str, str] = os.environ) -> None:
    """Remove all other variables of libpq, so that connections depend only on settings."""
    for name in [name for name in environ if name.startswith("PG") and not _SECURITY.fullmatch(name)]:
        del environ[name]
