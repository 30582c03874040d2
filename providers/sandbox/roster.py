"""Which models the sandbox plays: different in all that routing chooses by."""

from collections.abc import Mapping
from typing import Final

from providers.found import FoundModel

GENERAL: Final = ("tools", "vision", "json_mode", "json_schema")
ANY_MODEL: Final = FoundModel(
    "", context=128_000, capabilities=(*GENERAL, "reasoning", "chat", "embeddings"), ttft_ms=80, tokens_per_s=400
)


def _large(input_price: str, output_price: str, cached: str, ttft_ms: float, tokens_per_s: float) -> FoundModel:
    return FoundModel(
        "sandbox-large",
        context=200_000,
        max_output=16_384,
        capabilities=(*GENERAL, "reasoning"),
        input_price=input_price,
        output_price=output_price,
        cached_input_price=cached,
        quality=0.92,
        category_quality=(("coding", 0.9), ("math", 0.93), ("reasoning", 0.94), ("creative", 0.9)),
        ttft_ms=ttft_ms,
        tokens_per_s=tokens_per_s,
    )


def _embedder(name: str, input_price: str, ttft_ms: float) -> FoundModel:
    return FoundModel(
        name, context=8_192, capabilities=("embeddings",), input_price=input_price, output_price="0", ttft_ms=ttft_ms
    )


def _coder(input_price: str, output_price: str, ttft_ms: float, tokens_per_s: float) -> FoundModel:
    return FoundModel(
        "sandbox-coder",
        context=131_072,
        max_output=8_192,
        capabilities=("tools", "json_mode", "json_schema"),
        input_price=input_price,
        output_price=output_price,
        quality=0.74,
        category_quality=(("coding", 0.91), ("math", 0.8), ("creative", 0.5)),
        ttft_ms=ttft_ms,
        tokens_per_s=tokens_per_s,
    )


MODELS: Final[Mapping[str, tuple[FoundModel, ...]]] = {
    "openai": (
        _large("2.50", "10.00", "1.25", ttft_ms=420, tokens_per_s=110),
        FoundModel(
            "sandbox-mini",
            context=128_000,
            max_output=16_384,
            capabilities=GENERAL,
            input_price="0.15",
            output_price="0.60",
            cached_input_price="0.075",
            quality=0.7,
            category_quality=(("coding", 0.68), ("math", 0.66)),
            ttft_ms=180,
            tokens_per_s=220,
        ),
        FoundModel(
            "sandbox-flash",
            context=32_768,
            max_output=8_192,
            capabilities=("tools", "json_mode"),
            input_price="0.05",
            output_price="0.10",
            quality=0.52,
            category_quality=(("coding", 0.45), ("math", 0.42)),
            ttft_ms=80,
            tokens_per_s=400,
        ),
        _embedder("sandbox-embed", "0.02", ttft_ms=40),
    ),
    "anthropic": (
        _large("3.00", "15.00", "0.30", ttft_ms=560, tokens_per_s=90),
        _coder("0.80", "4.00", ttft_ms=260, tokens_per_s=160),
        FoundModel(
            "sandbox-vision",
            context=200_000,
            max_output=8_192,
            capabilities=("tools", "vision", "json_mode", "json_schema"),
            input_price="1.00",
            output_price="5.00",
            cached_input_price="0.10",
            quality=0.8,
            category_quality=(("vision", 0.93), ("creative", 0.84)),
            ttft_ms=320,
            tokens_per_s=140,
        ),
    ),
    "gemini": (
        FoundModel(
            "sandbox-gemini-pro",
            context=1_048_576,
            max_output=65_536,
            capabilities=(*GENERAL, "reasoning"),
            input_price="2.00",
            output_price="12.00",
            cached_input_price="0.20",
            quality=0.9,
            category_quality=(("vision", 0.92), ("math", 0.92), ("reasoning", 0.91)),
            ttft_ms=500,
            tokens_per_s=120,
        ),
        FoundModel(
            "sandbox-gemini-flash",
            context=1_048_576,
            max_output=65_536,
            capabilities=(*GENERAL, "reasoning"),
            input_price="0.30",
            output_price="2.50",
            cached_input_price="0.03",
            quality=0.76,
            category_quality=(("vision", 0.82), ("coding", 0.7)),
            ttft_ms=200,
            tokens_per_s=240,
        ),
        _embedder("sandbox-google-embed", "0.15", ttft_ms=60),
    ),
    "ollama": (
        FoundModel(
            "sandbox-local-8b",
            context=32_768,
            capabilities=("tools", "json_mode", "json_schema"),
            input_price="0",
            output_price="0",
            quality=0.55,
            category_quality=(("coding", 0.5), ("creative", 0.58)),
            ttft_ms=140,
            tokens_per_s=70,
        ),
        FoundModel(
            "sandbox-local-vision",
            context=16_384,
            capabilities=("vision", "json_mode", "json_schema"),
            input_price="0",
            output_price="0",
            quality=0.48,
            category_quality=(("vision", 0.62),),
            ttft_ms=220,
            tokens_per_s=60,
        ),
        _coder("0", "0", ttft_ms=380, tokens_per_s=60),
        _embedder("sandbox-local-embed", "0", ttft_ms=30),
    ),
}
