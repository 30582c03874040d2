"""Which step comes next: the scripted ones, a fault by header or model name, or one by chance."""

import random
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from providers.sandbox.faults import FAULTS
from providers.sandbox.replies import invalid
from providers.sandbox.steps import Step

FAULT_HEADER: Final = "x-sandbox-fault"
HEALTHY: Final = "ok"
CHAT: Final = "chat"
EMBEDDINGS: Final = "embeddings"
PAGES: Final = "pages"


class Rates(Struct, frozen=True, forbid_unknown_fields=True):
    """Faults by chance: `rates` maps a fault to its probability; `models` limits them to these."""

    rates: dict[str, float] = {}
    models: tuple[str, ...] = ()
    seed: int = 0


class Script:
    """The steps to come: a scripted one goes first, then the header's, the model name's, then chance."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._queues: dict[tuple[str, str], deque[Step]] = defaultdict(deque)
        self._lasting: dict[tuple[str, str], Step] = {}
        self._sequences: dict[str, int] = defaultdict(int)
        self.set_rates(Rates())

    def add(self, steps: Iterable[Step], queue: str = CHAT, model: str = "", lasting: bool = False) -> None:
        """Queue steps for chats, embeddings or pages (listings and the like), those of one model where it is named.

        The last step goes on for good where it is `lasting`. Raises `Trouble` for an unknown fault.
        """
        known_steps = [known(step) for step in steps]
        if lasting and known_steps:
            self._lasting[queue, model] = known_steps.pop()
        self._queues[queue, model].extend(known_steps)

    def set_rates(self, rates: Rates) -> None:
        """Let faults happen by chance from now on; raises `Trouble` for an unknown fault."""
        for name in rates.rates:
            known(Step(fault=name))
        self._rates = rates
        self._chance = random.Random(rates.seed)

    def next(self, queue: str, headers: Mapping[str, str], model: str = "") -> Step:
        """The step for this call; raises `Trouble` where header or model name ask for an unknown fault."""
        scripted = self._scripted(queue, model) or self._scripted(queue, "")
        if scripted is not None:
            return scripted
        name, _, suffix = model.partition("!")
        asked = headers.get(FAULT_HEADER) or suffix
        if asked:
            return self._of_sequence(asked)
        return Step() if queue == PAGES else self._by_chance(name)

    def _scripted(self, queue: str, model: str) -> Step | None:
        waiting = self._queues.get((queue, model))
        return waiting.popleft() if waiting else self._lasting.get((queue, model))

    def _of_sequence(self, asked: str) -> Step:
        names = [name.strip() for name in asked.split(",") if name.strip()]
        if len(names) == 1:
            return parsed(names[0])
        at = self._sequences[asked]
        self._sequences[asked] += 1
        return parsed(names[at]) if at < len(names) else Step()

    def _by_chance(self, model: str) -> Step:
        if self._rates.models and model not in self._rates.models:
            return Step()
        roll = self._chance.random()
        for name, rate in self._rates.rates.items():
            if roll < rate:
                return Step(fault=name)
            roll -= rate
        return Step()


def parsed(text: str) -> Step:
    """Read `429;retry_after=2`: a fault and its options; raises `Trouble`."""
    name, *options = text.split(";")
    fields = dict(option.strip().partition("=")[::2] for option in options)
    try:
        return known(msgspec.convert({"fault": name} | fields, Step, strict=False))
    except msgspec.ValidationError as exc:
        raise invalid(f"{FAULT_HEADER}: {exc}") from exc


def known(step: Step) -> Step:
    """The same step, without a fault where it says `ok`; raises `Trouble` when no fault has its name."""
    if step.fault == HEALTHY:
        return msgspec.structs.replace(step, fault=None)
    if step.fault is None or step.fault in FAULTS:
        return step
    raise invalid(f"no fault is called {step.fault!r}; there are: {', '.join(sorted(FAULTS))}")
