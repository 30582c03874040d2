"""What a kind of policy is: a pure order of candidates."""

from abc import ABC
from typing import ClassVar


class PolicyKind(ABC):
    """One way of ordering candidates."""

    name: ClassVar[str]
    label: ClassVar[str]
