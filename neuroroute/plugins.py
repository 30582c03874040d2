"""How plug-ins are found: every concrete subclass of a base class in a package, by its `name`."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TypeVar

T = TypeVar("T")


@cache
def discover(package: str, base: type[T]) -> Mapping[str, type[T]]:
    """Map `name -> class` for every concrete subclass of `base` that a module of `package` defines.

    A subclass without a `name` of its own, or two with the same name, raise `TypeError` at start.
    """
    found: dict[str, type[T]] = {}
    root = importlib.import_module(package)
    for info in sorted(pkgutil.iter_modules(root.__path__), key=lambda i: i.name):
        module = importlib.import_module(f"{package}.{info.name}")
        for cls in vars(module).values():
            if _is_plugin(cls, base, module.__name__):
                name = cls.__dict__.get("name")
                if not isinstance(name, str) or name in found:
                    raise TypeError(f"{cls.__module__}.{cls.__qualname__}: `name` is missing or taken: {name!r}")
                found[name] = cls
    return MappingProxyType(found)


def _is_plugin(cls: object, base: type, module: str) -> bool:
    if not inspect.isclass(cls) or cls is base or cls.__module__ != module:
        return False
    return issubclass(cls, base) and not inspect.isabstract(cls)
