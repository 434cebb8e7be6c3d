"""A client that reads the status of every accepted job until it ends, and the list, while parts are killed."""

import threading
from concurrent.futures import ThreadPoolExecutor

from tests.chaos.observations import Observations, accepted_job_ids, has_ended, read_list, result_of
from tests.integration.whole_stack import send_request

_PAUSE_SECONDS = 0.5


class Watch:
    """Reads repeatedly until it is stopped, and adds first results and inconsistencies to `observations`."""

    def __init__(self, url: str, observations: Observations) -> None:
        self._url = url
        self._observations = observations
        self._known: set[str] = set()
        self._listed_as_ended: set[str] = set()
        self._stopped = threading.Event()
        self._thread = ThreadPoolExecutor(1, "watch")

    @property
    def unfinished(self) -> set[str]:
        """The accepted jobs without an observed result."""
        return accepted_job_ids(list(self._observations.workload)) - set(self._observations.first_results)

    def start(self) -> None:
        self._future = self._thread.submit(self._run)

    def stop(self) -> None:
        """Stop reading. Raises the error that ended the thread, if any."""
        self._stopped.set()
        self._thread.shutdown()
        self._future.result()

    def _run(self) -> None:
        while not self._stopped.wait(_PAUSE_SECONDS):
            for job_id in sorted(self.unfinished):
                if not self._stopped.is_set():
                    self._check_job(job_id)
            self._check_list()

    def _check_job(self, job_id: str) -> None:
        response = send_request("GET", f"{self._url}/api/distance/jobs/{job_id}")
        if response.status == 404 and job_id in self._existing():
            self._observations.vanished.add(job_id)
        if response.status != 200:
            return
        self._known.add(job_id)
        if has_ended(response.json):
            self._observations.first_results[job_id] = result_of(response.json)

    def _check_list(self) -> None:
        expected = self._existing()  # before the request, because later jobs may be missing in this list
        job_list = read_list(self._url)
        if job_list is None:
            return
        listed = {job["job_id"] for job in job_list.jobs}
        ended = {job["job_id"] for job in job_list.jobs if has_ended(job)}
        self._observations.unlisted |= expected - listed
        self._observations.reopened |= self._listed_as_ended & listed - ended
        self._listed_as_ended |= ended

    def _existing(self) -> set[str]:
        """Return the jobs that exist: accepted submissions and known jobs. Jobs of events are created later."""
        submissions = (job for job in list(self._observations.workload) if not job.by_event)
        return self._known | accepted_job_ids(submissions)
