"""Write down what needs somebody, for every page and process to read, and for who wants to be told."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from dashboard.attention import check, of_this_machine
from dashboard.board import Board, harm_of
from dashboard.lasting import one_each
from profiling.jobs.base import JobKind, Progress, Run
from routing.troubles import troubles
from tenants.findingalerts import Graded, tell


class Attention(JobKind):
    """Looks at traffic, budgets, keys, prices, jobs and GPUs for what needs somebody, writes it on the board, and tells
    the receivers of alerts what began or is over."""

    name = "attention"
    label = "Look for what needs somebody"
    every = timedelta(minutes=1)
    kept = timedelta(hours=1)
    tries = 1  # the next minute looks anew

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        now = timezone.now()
        board = check(now)
        return {"found": len(board.notices), "told": tell_of(board, now)}


def tell_of(board: Board, now: datetime) -> int:
    """Write to the receivers what began or is over: on the board, in the workers, and on this machine."""
    found = one_each([*troubles(now), *of_this_machine(now), *board.notices])
    return tell([Graded(each, harm_of(each)) for each in found], board.more == 0, now)
