"""Printed and JSON report of a run."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.cluster.functions import ClusterCheckFailed
from tests.cluster.kubectl import KubectlError, WaitTimeout
from tools.manifests.rendering import RenderError


@dataclass(frozen=True)
class CheckResult:
    """Result of one check. A failed one has its reason in `figures`."""

    title: str
    passed: bool
    seconds: float
    figures: dict[str, str]


@dataclass
class Report:
    """The results of a run in order."""

    results: list[CheckResult] = field(default_factory=list)

    def run(self, title: str, check: Callable[[], dict[str, str]]) -> None:
        """Run a check, which returns its figures, and print the result."""
        started = time.monotonic()
        try:
            figures, reason = check(), ""
        except (ClusterCheckFailed, RenderError, KubectlError, WaitTimeout) as exc:
            figures, reason = {}, str(exc)
        except Exception as exc:  # noqa: BLE001 - the other checks still run
            figures, reason = {}, f"{type(exc).__name__}: {exc}"
        figures |= {"reason": reason} if reason else {}
        result = CheckResult(title, not reason, time.monotonic() - started, figures)
        self.results.append(result)
        print(f"{'ok    ' if result.passed else 'FAILED'} {title} ({result.seconds:.0f} s)", flush=True)
        for name, text in result.figures.items():
            print(f"           {name}: {text}", flush=True)

    @property
    def passed(self) -> bool:
        return all(result.passed for result in self.results)

    def write(self, path: Path) -> None:
        """Write the results as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([asdict(result) for result in self.results], indent=1) + "\n", encoding="utf-8")
