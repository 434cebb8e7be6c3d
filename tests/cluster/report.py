"""What a run proved, for a person and as JSON."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.cluster.functions import NotProven
from tests.cluster.kubectl import Refused, TooSlow
from tools.manifests.rendering import RenderError

Proof = Callable[[], dict[str, str]]


@dataclass
class Report:
    """The proofs of a run, in their order."""

    proofs: list["Proven"] = field(default_factory=list)

    def prove(self, title: str, proof: Proof) -> None:
        """Run a proof and print what came of it."""
        began = time.monotonic()
        try:
            figures, failed = proof(), ""
        except (NotProven, RenderError, Refused, TooSlow) as exc:
            figures, failed = {}, str(exc)
        except Exception as exc:  # noqa: BLE001 - the other proofs are still worth something
            figures, failed = {}, f"{type(exc).__name__}: {exc}"
        done = Proven(title, not failed, time.monotonic() - began, figures | ({"why": failed} if failed else {}))
        self.proofs.append(done)
        print(f"{'ok    ' if done.good else 'FAILED'} {title} ({done.seconds:.0f} s)", flush=True)
        for name, text in done.figures.items():
            print(f"           {name}: {text}", flush=True)

    @property
    def good(self) -> bool:
        return all(proof.good for proof in self.proofs)

    def write(self, path: Path) -> None:
        """The same as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([asdict(proof) for proof in self.proofs], indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Proven:
    """One proof's outcome; `figures` has the reason when it failed."""

    title: str
    good: bool
    seconds: float
    figures: dict[str, str]
