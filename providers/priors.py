"""What is known of a model before anything is measured? The rows of `priors.yaml`, found by a provider's model name."""

from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

FILE: Final = Path(__file__).with_name("priors.yaml")
SUFFIXES: Final = (":free", ":latest", "-latest", ".gguf")


class AtProvider(Struct, frozen=True, forbid_unknown_fields=True):
    """What differs from provider to provider."""

    id: str | None = None  # the provider's name of the model, where it is not ours
    speed: tuple[float, float] | None = None  # ms to the first token, tokens/s


class Prior(Struct, frozen=True, forbid_unknown_fields=True):
    """One well-known model; None and empty are unknown."""

    name: str
    match: tuple[str, ...]
    context: int | None = None
    max_output: int | None = None
    can: tuple[str, ...] = ()
    quality: float | None = None
    categories: dict[str, float] = {}
    at: dict[str, AtProvider] = {}


class Priors(Struct, frozen=True, forbid_unknown_fields=True):
    """The file: `as_of` is the day on which its author last looked."""

    as_of: date
    models: tuple[Prior, ...]


def prior_of(upstream_model: str) -> Prior | None:
    """Return the row of the model that a provider calls `upstream_model`, e.g. `meta-llama/Llama-3.3-70B-Instruct`."""
    name = plain_name(upstream_model)
    for prior in priors().models:
        if any(fnmatchcase(name, pattern) for pattern in prior.match):
            return prior
    return None


def plain_name(upstream_model: str) -> str:
    """The name as the patterns see it: lower case, without the vendor's folder and without what names no model."""
    name = upstream_model.lower().replace("\\", "/").rsplit("/", 1)[-1]
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return name


@cache
def priors() -> Priors:
    """The whole file, read once."""
    return msgspec.yaml.decode(FILE.read_bytes(), type=Priors)
