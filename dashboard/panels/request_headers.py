"""Which headers did the answer have?"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from dashboard.panels.base import RequestPanel
from dashboard.scope import Scope
from routing.api.recorded import AnswerHeaders, Kind, answer_headers
from usage.outcomes import Outcome

KINDS: Final[Mapping[Kind, str]] = {
    "whole": "They left with the whole answer.",
    "stream": "They left with the first token, when nobody knew yet what the stream would cost.",
    "early": "The stream was opened before anybody had begun to answer: who did is in no header.",
    "error": "They left with an error; where a stream had waited long for its first token, it is an event in there.",
    "counted": "Nobody could count the tokens: our estimate was answered, or an error; that is not recorded.",
    "none": "The client left before there was an answer.",
}


class Shown(Struct, frozen=True):
    sent: AnswerHeaders
    said: str  # when they left
    answer_id: str | None  # the upstream's, or ours where its wire has none


class RequestHeaders(RequestPanel):
    """The headers that the data plane set, made again from the record, and what no record has."""

    name = "request_headers"
    title = "Which headers had the answer?"
    order = 85
    formula = (
        "Made from the record by what makes them for an answer, so that they are those that we set; the web server and "
        "a proxy add their own. What is not recorded is named, and not guessed."
    )

    def about(self, record: Outcome, scope: Scope) -> Shown:
        sent = answer_headers(record)
        return Shown(sent, KINDS[sent.answer], record.response_id)
