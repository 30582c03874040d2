"""What does a model's file say of the memory that its context takes? Read from the keys of GGUF, as servers tell them.

https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from collections.abc import Mapping
from typing import Any, Final

HALF: Final = 2  # bytes of a 16-bit number: keys and values are kept so unless the server is told otherwise


def cache_bytes(info: Mapping[str, Any]) -> int | None:
    """Bytes of keys and values that each token of a context takes; None where the file does not say all of it.

    `head_count_kv` may be a list, one number per layer, of models whose layers differ.
    """
    kind = info.get("general.architecture")
    layers, heads = _count(info.get(f"{kind}.block_count")), info.get(f"{kind}.attention.head_count_kv")
    all_heads = sum(heads) if isinstance(heads, list) and all(map(_count, heads)) else (_count(heads) or 0) * layers
    width = _count(info.get(f"{kind}.attention.key_length")) or _shared(info, kind)
    values = _count(info.get(f"{kind}.attention.value_length")) or width
    return all_heads * (width + values) * HALF or None if width else None


def _shared(info: Mapping[str, Any], kind: Any) -> int:
    """The width of a head where the file leaves it out: the model's width, divided among its heads."""
    width, heads = _count(info.get(f"{kind}.embedding_length")), _count(info.get(f"{kind}.attention.head_count"))
    return width // heads if heads else 0


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
