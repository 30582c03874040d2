"""What exactly was recorded?"""

from msgspec import Struct

from dashboard.decisions import pretty
from dashboard.panels.base import RequestPanel
from dashboard.scope import Scope
from usage.outcomes import Outcome


class Raw(Struct, frozen=True):
    json: str


class RequestRaw(RequestPanel):
    """The record as it was journalled."""

    name = "request_raw"
    title = "The raw record"
    unit = "JSON, as journalled"
    order = 90
    formula = (
        "Nothing is computed: this is the record as the web worker journalled it, without the messages unless the "
        "tenant's setting keeps them."
    )

    def about(self, record: Outcome, scope: Scope) -> Raw:
        return Raw(pretty(record))
