"""How one body becomes a row: through the same parts that apply a configuration file, so by the same rules."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, structs

from providers import revisions
from providers.audit import Actor
from providers.models import Provider
from routing.api.operator.views import Data
from routing.configfile.changes import Changes, Holder
from routing.configfile.mistakes import Mistake, mistakes
from routing.configfile.reading import Document
from routing.configfile.schema import Config
from routing.errors import InvalidBody

B = TypeVar("B", bound=Struct)


class OneChange(Changes):
    """What is done for one body: problems and warnings name its fields, not the lines of a file.

    `place` is where the parts believe the body to stand, such as `providers[0]`.
    """

    place: str

    def __init__(self, actor: Actor, place: str, reason: str = "", holder: Holder | None = None) -> None:
        super().__init__(Document(Config(), {}), actor, Provider.Source.ADMIN, reason, holder)
        self.place = place
        self.found: list[Mistake] = []

    def problem(self, path: str, text: str) -> None:
        field = self._field(path)
        self.problems.append((1, text))
        self.found.append((field, f"{field}: {text}" if field else text))

    def warn(self, path: str, text: str) -> None:
        field = self._field(path)
        self.warnings.append(f"{field}: {text}" if field else text)

    def close(self) -> None:
        """Make what was done live; raises `InvalidBody` where anything was wrong. Within the write's transaction."""
        refuse(self.found)
        for part in sorted(self.parts - {""}):
            revisions.bump(part)

    def _field(self, path: str) -> str:
        return path.removeprefix(self.place).lstrip(".")


def fitted(data: Data, body: type[B], doubts: Iterable[Mistake] = ()) -> B:
    """`data` as the body that it should be; raises `InvalidBody` for all that is wrong, `doubts` among it."""
    refuse([*mistakes(data, body), *doubts])
    return msgspec.convert(data, body)


def refuse(wrong: Sequence[Mistake]) -> None:
    """Raise `InvalidBody` where anything is wrong."""
    if wrong:
        raise InvalidBody("\n".join(text for _, text in wrong), param=wrong[0][0] or None)


def fields_of(body: Struct, *without: str) -> dict[str, Any]:
    """The fields of a body, as another section takes them."""
    return {name: value for name, value in structs.asdict(body).items() if name not in without}
