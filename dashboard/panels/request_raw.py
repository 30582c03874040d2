"""What exactly was recorded?"""

from msgspec import Struct
from msgspec.structs import replace

from dashboard.decisions import pretty
from dashboard.panels.base import RequestPanel
from dashboard.scope import Scope
from routing.decisions import of_ones_own
from usage.outcomes import Outcome


class Raw(Struct, frozen=True):
    json: str


class RequestRaw(RequestPanel):
    """The record as it was journalled."""

    name = "request_raw"
    title = "What exactly was recorded?"
    unit = "JSON, as journalled"
    order = 90
    formula = (
        "Nothing is computed: this is the record as the web worker journalled it, without the messages unless the "
        "tenant's setting keeps them; how busy deployments were is for who sees every tenant."
    )

    def about(self, record: Outcome, scope: Scope) -> Raw:
        decision = record.decision if scope.sight is None else of_ones_own(record.decision)
        return Raw(pretty(replace(record, decision=decision)))
