"""How is this request asked again?"""

from msgspec import Struct

from dashboard.curls import Curl, curl_of
from dashboard.panels.base import RequestPanel
from dashboard.panels.request_messages import body_read
from dashboard.scope import Scope
from usage.outcomes import Outcome


class Again(Struct, frozen=True):
    curl: Curl | None


class RequestCurl(RequestPanel):
    """The request as a command for a shell, to be copied; the key is a variable of that shell."""

    name = "request_curl"
    title = "How is it asked again?"
    unit = "curl"
    order = 70
    width = "half"
    formula = (
        "Nothing is computed: the request as its features and, where they are kept, its messages say it, with the "
        "key left out."
    )

    def about(self, record: Outcome, scope: Scope) -> Again:
        return Again(curl_of(record, body_read(record, scope)))
