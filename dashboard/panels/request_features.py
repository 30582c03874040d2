"""What was found in the request?"""

from msgspec import Struct

from dashboard.decisions import features_of, pretty
from dashboard.panels.base import RequestPanel
from dashboard.scope import Scope
from usage.outcomes import Outcome


class Feature(Struct, frozen=True):
    name: str
    value: str


class Features(Struct, frozen=True):
    features: tuple[Feature, ...]
    warnings: tuple[str, ...]


class RequestFeatures(RequestPanel):
    """The facts about the request that routing read."""

    name = "request_features"
    title = "What was asked?"
    order = 50
    width = "half"

    def about(self, record: Outcome, scope: Scope) -> Features:
        found = {name: value for name, value in features_of(record).items() if value not in (None, "", [], {})}
        features = tuple(Feature(name.replace("_", " "), _text(value)) for name, value in found.items())
        return Features(features, tuple(record.warnings))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else pretty(value)
