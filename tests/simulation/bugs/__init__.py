"""Bugs that the simulation must catch, each a promise of docs/job.md broken in a line or two."""

from tests.simulation.bugs import calculating, deleting, events, life, listing, sweeping

BUGS = (*life.BUGS, *calculating.BUGS, *events.BUGS, *sweeping.BUGS, *listing.BUGS, *deleting.BUGS)
BY_NAME = {bug.name: bug for bug in BUGS}
