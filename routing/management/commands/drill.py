"""`manage.py drill`: play the sixteen failures of the public yardstick through this installation; a scorecard."""

import json
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from msgspec import to_builtins

from providers.audit import at_console
from routing.drill import history
from routing.drill.gateway import NoGateway
from routing.drill.running import DrillRuns, UnknownScenario
from routing.drill.scorecard import table
from routing.drill.scores import Score

SLOWEST: Final = 10


def pace(text: str) -> float:
    """A share of the yardstick's times; raises `ValueError`."""
    value = float(text)
    if not 0 < value <= SLOWEST:
        raise ValueError(f"{text} is not above 0 and at most {SLOWEST}")
    return value


class Command(BaseCommand):
    help = (
        "Play sixteen failures of upstreams through this installation and say how it bore them; exit code 1: not all."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", default="", metavar="S08,S09", help="these scenarios; all when left out")
        parser.add_argument("--pace", type=pace, default=1.0, help="scales the times; 1 is the public yardstick's")
        parser.add_argument("--json", action="store_true", help="the scores as JSON instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        scores: list[Score] = []

        def tell(score: Score | None) -> None:
            if score is not None:
                scores.append(score)
                self.stderr.write(f"{score.scenario} {'passed' if score.passed else 'FAILED'}: {score.why}")

        try:
            only = [name.strip() for name in options["only"].split(",") if name.strip()]
            actor = at_console("command")
            history.play(history.open_run(actor, only, options["pace"]), tell)
        except (DrillRuns, NoGateway, UnknownScenario) as exc:
            raise CommandError(str(exc), returncode=2) from None
        scores.sort(key=lambda each: each.scenario)
        self.stdout.write(json.dumps(to_builtins(scores), indent=2) if options["json"] else table(scores))
        if not all(score.passed for score in scores):
            raise SystemExit(1)
