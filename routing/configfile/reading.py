"""From the text of a file to its sections, with the line of every field, and with errors that name it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import yaml

from routing.configfile.mistakes import mistakes
from routing.configfile.mistakes import nearest as nearest
from routing.configfile.schema import Config


class ConfigError(Exception):
    """What is wrong with the file: one message per bad line, in the order of lines."""

    def __init__(self, problems: Iterable[tuple[int, str]]) -> None:
        self.messages = [f"line {line}: {text}" for line, text in sorted(problems)]
        super().__init__("\n".join(self.messages))


@dataclass(frozen=True, slots=True)
class Document:
    """A file that has been read; paths are such as `providers[0].deployments[2].retries`."""

    config: Config
    lines: Mapping[str, int]

    def line(self, path: str) -> int:
        """The line of a field, or of the nearest thing around it that the file holds."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path, 1)


def read(text: str) -> Document:
    """Read a file; raises `ConfigError`."""
    data, lines = _load(text)
    data = {} if data is None else data
    if wrong := list(mistakes(data, Config)):
        bare = Document(Config(), lines)
        raise ConfigError((bare.line(path), text) for path, text in wrong)
    return Document(msgspec.convert(data, Config), lines)


def _load(text: str) -> tuple[Any, dict[str, int]]:
    # The C parser reads ten thousand keys in a tenth of the time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        lines: dict[str, int] = {"": 1}
        if node is None:
            return None, lines
        _note_lines(node, "", lines)
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        raise ConfigError([(mark.line + 1 if mark else 1, f"not YAML: {exc.problem or exc.context}")]) from None
    except (yaml.YAMLError, ValueError) as exc:
        raise ConfigError([(1, f"not YAML: {exc}")]) from None
    finally:
        loader.dispose()


def _note_lines(node: yaml.Node, path: str, lines: dict[str, int]) -> None:
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[f"{path}[{index}]"] = _line(item)
            _note_lines(item, f"{path}[{index}]", lines)
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            child = f"{path}.{key.value}".lstrip(".")
            if child in seen:
                raise ConfigError([(_line(key), f"{child}: is given twice")])
            seen.add(child)
            lines[child] = _line(key)
            _note_lines(value, child, lines)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
