"""An engine before real upstreams, with a journal that can be looked at."""

from contextlib import aclosing

from providers.targets import Timeouts
from routing.engine import Engine
from usage.errors import JournalUnavailable

from .factories import CALLER, Desk, asked, target

QUICK = Timeouts(connect_s=1, first_byte_s=0.4, whole_s=0.4, first_token_s=0.4, stall_s=0.4, total_s=2)


class Records(list):
    """A journal that keeps what it is given, or has no room."""

    full = False

    def begin(self, outcome):
        """Nobody is killed here."""

    def write(self, outcome):
        if self.full:
            raise JournalUnavailable("no space left on /var/spool/x")
        self.append(outcome)


def engine_of(sandbox, *names, **facts):
    """An engine whose deployments, `a/demo` where none is named, are all served by `sandbox`."""
    facts = {"base_url": sandbox.base_url, "timeouts": QUICK, "usd": (1, 2)} | facts
    desk = Desk(*[target(name, number, **facts) for number, name in enumerate(names or ("a/demo",), 1)])
    return Engine(desk.planner, desk.health, desk.evidence, Records())


async def ask(engine, stream, caller=CALLER, **fields):
    """One chat; its record. What goes wrong is raised."""
    question = asked(stream=stream, **fields)
    if not stream:
        await engine.answer(question, caller)
    else:
        async with aclosing(engine.stream(question, caller)) as batches:
            assert [batch async for batch in batches]
    return engine.journal[-1]
