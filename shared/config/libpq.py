"""libpq's environment variables (PGHOST, PGSERVICE, PGOPTIONS, …), which are no settings of this project.

They would change where a connection goes, or how the server prints values. Only those that secure a connection are
kept: without them a deployment that relies on PGSSLMODE=verify-full would silently be without TLS.
"""

import os
import re
from collections.abc import Mapping, MutableMapping

_SECURITY = re.compile(r"PGSSL[A-Z]*|PGCHANNELBINDING|PGREQUIREAUTH|PGGSSENCMODE")


def security_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of `environ` that say how a connection is encrypted and authenticated."""
    return {name: text for name, text in environ.items() if _SECURITY.fullmatch(name)}


def remove_other_variables(environ: MutableMapping[str, str] = os.environ) -> None:
    """Remove every other variable of libpq, so that connections depend on the settings alone."""
    for name in [name for name in environ if name.startswith("PG") and not _SECURITY.fullmatch(name)]:
        del environ[name]
