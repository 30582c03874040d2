"""The Compose files, read as Docker Compose reads them: the second over the first, `!reset` as nothing."""

from typing import Any, Final

import yaml

from tests.run.installation import ROOT

RESET: Final = "(reset)"


class _Loader(yaml.SafeLoader):
    """YAML with Compose's tag that takes away what the first file says."""


_Loader.add_constructor("!reset", lambda loader, node: RESET)


def read(name: str) -> dict[str, Any]:
    """One Compose file."""
    loaded: dict[str, Any] = yaml.load((ROOT / name).read_text(), _Loader)  # noqa: S506 - a SafeLoader
    return loaded


def merged() -> dict[str, Any]:
    """What `-f docker-compose.yml -f docker-compose.prod.yml` runs."""
    whole: dict[str, Any] = _over(read("docker-compose.yml"), read("docker-compose.prod.yml"))
    return whole


def _over(first: Any, second: Any) -> Any:
    if isinstance(first, dict) and isinstance(second, dict):
        names = [*first, *(name for name in second if name not in first)]
        both = {name: _over(first.get(name), second[name]) if name in second else first[name] for name in names}
        return {name: value for name, value in both.items() if value is not RESET}
    return second
