"""Bugs that the simulation must detect. Each one breaks a promise of the project in a line or two."""

from tests.simulation.bugs import calculation, deletion, job_list, lifecycle, responses, sweep

BUGS = (*lifecycle.BUGS, *calculation.BUGS, *responses.BUGS, *sweep.BUGS, *job_list.BUGS, *deletion.BUGS)
BY_NAME = {bug.name: bug for bug in BUGS}
