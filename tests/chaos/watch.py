"""A caller that looks on while parts die: every accepted job's status until it has ended, and the list."""

import threading
from concurrent.futures import ThreadPoolExecutor

from tests.chaos.observations import Seen, end_of, ended, job_ids, listing
from tests.integration.whole_stack import ask

_PAUSE_SECONDS = 0.5


class Watch:
    """Looks again and again until stopped, and writes into `seen` what must never be seen."""

    def __init__(self, url: str, seen: Seen) -> None:
        self._url = url
        self._seen = seen
        self._known: set[str] = set()
        self._listed_as_ended: set[str] = set()
        self._stopped = threading.Event()
        self._thread = ThreadPoolExecutor(1, "watch")

    @property
    def unfinished(self) -> set[str]:
        """The accepted jobs that have not been seen to end."""
        return job_ids(list(self._seen.wishes)) - set(self._seen.first_ends)

    def start(self) -> None:
        self._running = self._thread.submit(self._run)

    def stop(self) -> None:
        """Look no more; what broke the watch is raised."""
        self._stopped.set()
        self._thread.shutdown()
        self._running.result()

    def _run(self) -> None:
        while not self._stopped.wait(_PAUSE_SECONDS):
            for job_id in sorted(self.unfinished):
                if not self._stopped.is_set():
                    self._look_at(job_id)
            self._look_at_list()

    def _look_at(self, job_id: str) -> None:
        answer = ask("GET", f"{self._url}/api/distance/jobs/{job_id}")
        if answer.status == 404 and job_id in self._must_exist():
            self._seen.vanished.add(job_id)
        if answer.status != 200:
            return
        self._known.add(job_id)
        if ended(answer.json):
            self._seen.first_ends[job_id] = end_of(answer.json)

    def _look_at_list(self) -> None:
        wanted = self._must_exist()  # before the request: later ones may be on this list or the next
        found = listing(self._url)
        if found is None:
            return
        self._seen.unlisted |= wanted - {job["job_id"] for job in found.jobs}
        finished = {job["job_id"] for job in found.jobs if ended(job)}
        self._seen.reopened |= self._listed_as_ended & {job["job_id"] for job in found.jobs} - finished
        self._listed_as_ended |= finished

    def _must_exist(self) -> set[str]:
        """The jobs of every 202 so far; the job of an event is made later, by calculate."""
        return self._known | job_ids(wish for wish in list(self._seen.wishes) if not wish.foreign)
