"""What does not fit into a section: every field that is wrong, with what may stand there and what does, for people."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, UnsetType
from msgspec.structs import fields

SECRET: Final = frozenset({"credential", "value", "password", "headers", "url", "key"})  # what stood there is not told
LONGEST: Final = 60  # characters of what stood there
PLAIN: Final[Mapping[Any, str]] = {
    int: "a whole number",
    float: "a number",
    Decimal: "a number",
    str: "a text",
    bool: "true or false",
    NoneType: "null",
    list: "a list",
    tuple: "a list",
    dict: "a mapping",
    datetime: "an instant with its offset, e.g. 2030-01-31T12:00:00Z",
}
Mistake = tuple[str, str]  # the path of a field, and the message that begins with it


def nearest(name: str, known: Iterable[str]) -> str:
    """`; nearest: …` for a message, or every known name where none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"; nearest: {near[0]}" if near else f"; known: {', '.join(names) or 'none'}"


def mistakes(data: Any, wanted: Any, path: str = "") -> Iterator[Mistake]:
    """Every field of `data` that does not fit the type, in the order in which they stand; none where all fits."""
    try:
        msgspec.convert(data, wanted)
    except msgspec.ValidationError:
        inner = list(_inside(data, wanted, path))
        yield from inner or [(path, _said(data, wanted, path))]


def _inside(data: Any, wanted: Any, path: str) -> Iterator[Mistake]:
    """Mistakes in the parts of `data`, where one of the types that it may be has parts as it has."""
    for kind in _kinds(wanted):
        origin, of = get_origin(kind) or kind, get_args(kind)
        if isinstance(data, dict) and isinstance(origin, type) and issubclass(origin, Struct):
            yield from _in_section(data, origin, path)
        elif isinstance(data, dict) and origin is dict and of:
            for name, value in data.items():
                yield from mistakes(value, of[1], f"{path}.{name}".lstrip("."))
        elif isinstance(data, list) and origin in (list, tuple) and of:
            for index, value in enumerate(data):
                yield from mistakes(value, of[0], f"{path}[{index}]")


def _in_section(data: dict[str, Any], section: type[Struct], path: str) -> Iterator[Mistake]:
    known = {field.name: field for field in fields(section)}
    for name, value in data.items():
        place = f"{path}.{name}".lstrip(".")
        if name in known:
            yield from mistakes(value, known[name].type, place)
        else:
            yield place, f"{place}: unknown field{nearest(str(name), known)}"
    for name, field in known.items():
        if field.required and name not in data:
            place = f"{path}.{name}".lstrip(".")
            yield place, f"{place}: is missing; give {_may_be(field.type)}"


def _said(data: Any, wanted: Any, path: str) -> str:
    name = path.rpartition(".")[2].partition("[")[0]
    given = f"not {_shown(data)}" if name not in SECRET else "which this is not"
    return f"{path}: must be {_may_be(wanted)}; {given}".removeprefix(": ")


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _may_be(wanted: Any) -> str:
    """What may stand in a field, in words."""
    told = dict.fromkeys(_phrase(kind) for kind in _kinds(wanted, bare=False))
    if PLAIN[float] in told:
        told.pop(PLAIN[int], None)
    return (", or " if any("," in each for each in told) else " or ").join(told)


def _kinds(wanted: Any, bare: bool = True) -> Iterator[Any]:
    """The types that a field may have, one by one; with `bare` without their bounds."""
    if get_origin(wanted) in (Union, UnionType):
        for each in get_args(wanted):
            yield from _kinds(each, bare)
    elif wanted is not UnsetType:
        yield get_args(wanted)[0] if bare and get_origin(wanted) is Annotated else wanted


def _phrase(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(repr(each) if not each else str(each) for each in get_args(kind))}"
    if get_origin(kind) is not Annotated:
        origin = get_origin(kind) or kind
        return PLAIN.get(origin, "a mapping")
    bare, *metas = get_args(kind)
    (meta,) = [each for each in metas if isinstance(each, Meta)]
    unit = "characters" if bare is str else "entries"
    text = (meta.description or _phrase(bare)) + _bounds(meta, unit)
    return text + (f", e.g. {meta.examples[0]}" if meta.examples else "")


def _bounds(meta: Meta, unit: str) -> str:
    least, most = meta.min_length, meta.max_length
    if most:
        return f", {least} to {most} {unit}" if least else f", at most {most} {unit}"
    if meta.ge is not None and meta.le is not None:
        return f" from {_number(meta.ge)} to {_number(meta.le)}"
    words = {"at least": meta.ge, "above": meta.gt, "at most": meta.le, "below": meta.lt}
    told = [f"{word} {_number(value)}" for word, value in words.items() if value is not None]
    return f", {' and '.join(told)}" if told else ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else str(value)
