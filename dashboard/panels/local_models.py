"""Which models of the local servers are in memory now?"""

from msgspec import Struct

from dashboard.panels.base import Panel
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from providers.residency import Seen, look


class LocalModels(Struct, frozen=True):
    """`rest` is where the servers are asked, empty once they were; `servers` is what they said."""

    servers: tuple[Seen, ...]
    rest: str


class LocalModelsPanel(Panel):
    """One table per local server, asked at this moment: the page does not wait for them, the panel alone does."""

    name = "local_models"
    title = "Which models are in memory?"
    unit = "as each server says at this moment"
    page = "local"
    order = 10
    formula = (
        "Ollama, LM Studio and llama.cpp are asked in their own ways; what a server does not say is unknown. VRAM is "
        "the part of a model that is on the GPU: the rest is with the CPU, and slow."
    )

    def data(self, scope: Scope) -> LocalModels:
        if not scope.alone:
            return LocalModels((), scope.panel_address(self.name))
        return LocalModels(tuple(look()), "")

    def table(self, data: LocalModels, scope: Scope) -> Table | None:
        heads = ("Server", "Model", "State", "In memory, bytes", "VRAM, bytes", "Context, tokens", "Slots", "Busy")
        rows = [
            (seen.provider, m.name, m.state, m.size_bytes, m.vram_bytes, m.context, m.slots, m.busy)
            for seen in data.servers
            for m in (seen.state.models if seen.state else ())
        ]
        return Table(tuple(map(Column, heads)), rows) if rows else None
