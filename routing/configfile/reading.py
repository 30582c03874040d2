"""From the text of a file to its sections, with the line of every field, and with errors that name it."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import yaml
from msgspec.structs import fields

from routing.configfile.schema import SECTIONS, Config

PLACE: Final = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
UNKNOWN: Final = re.compile(r"^Object contains unknown field `(?P<name>.*)`$", re.DOTALL)


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
    try:
        return Document(msgspec.convert({} if data is None else data, Config), lines)
    except msgspec.ValidationError as exc:
        raise _located(str(exc), lines) from None


def nearest(name: str, known: Iterable[str]) -> str:
    """`; nearest: …` for a message, or every known name where none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"; nearest: {near[0]}" if near else f"; known: {', '.join(names) or 'none'}"


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


def _located(message: str, lines: Mapping[str, int]) -> ConfigError:
    path, text = explained(message)
    return ConfigError([(Document(Config(), lines).line(path), text)])


def explained(message: str, root: str = "") -> tuple[str, str]:
    """msgspec's words as ours: the path of the field (without list ends), and the message that begins with it.

    `root`: the path of `SECTIONS` at which the data stood that did not fit.
    """
    place = PLACE.match(message)
    what, path = (place["what"], place["path"] or "") if place else (message, "")
    path = path.removesuffix("[...]")
    if unknown := UNKNOWN.match(what):
        section = SECTIONS.get(re.sub(r"\[\d+\]", "", f"{root}.{path}".strip(".")))
        known = [field.name for field in fields(section)] if section else []
        path, what = f"{path}.{unknown['name']}".lstrip("."), "unknown field" + nearest(unknown["name"], known)
    what = what.replace("Object missing", "missing").replace("Object contains", "contains")
    what = what[:1].lower() + what[1:]
    return path, f"{path}: {what}" if path else what
