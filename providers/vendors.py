"""Which upstreams are looked for, under which names in the environment? A new vendor is one row here."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from providers.addresses import check_base_url

OUR_KEYS: Final = "nr-"  # a client key of a NeuroRoute: calling it with its own key would go round in a circle
COMPATIBLE: Final = "openai"  # the wire of servers that are compatible with OpenAI's
EMBEDS: Final = ("embed", "bge-", "gte-", "e5-", "minilm")
OFF: Final = "off"  # as a local server's URL: do not look there
NOT_USABLE: Final = (
    *("whisper", "tts", "transcribe", "audio", "realtime", "native-", "orpheus"),
    *("dall-e", "image", "imagen", "veo-", "sora", "lyria", "robotics"),
    *("rerank", "moderation", "guard", "aqa"),
    *("davinci", "babbage", "turbo-instruct", "deep-research", "computer-use"),
)


class Vendor(Struct, frozen=True):
    """One known upstream. Hosted ones are found by a key, local ones by an answer."""

    name: str
    wire: str
    base_url: str
    url_names: tuple[
        str, ...
    ]  # environment variables that move it; the path of `base_url` is added where they have none
    key_names: tuple[str, ...] = ()
    local: bool = False
    routes: bool = False  # is a router itself and understands `provider` and `models` in the body
    many: bool = False  # lists other companies' models by the hundred: only the known ones are switched on
    skills: tuple[str, ...] = ()  # what every chat model of this company can do, where nothing says more
    compatible_path: str = ""  # an address of its own that ends so speaks OpenAI's form instead
    serves: tuple[str, ...] = ()  # what its own servers do for every chat model, whatever the model can


VENDORS: Final = (
    Vendor(
        name="openai",
        wire="openai",
        base_url="https://api.openai.com/v1",
        url_names=("OPENAI_BASE_URL",),
        key_names=("OPENAI_API_KEY",),
        skills=("tools", "json_mode"),
        serves=("responses",),
    ),
    Vendor(
        name="anthropic",
        wire="anthropic",
        base_url="https://api.anthropic.com/v1",
        url_names=("ANTHROPIC_BASE_URL",),
        key_names=("ANTHROPIC_API_KEY",),
        skills=("tools", "vision"),
    ),
    Vendor(
        name="google",
        wire="gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        url_names=("GOOGLE_BASE_URL", "GEMINI_BASE_URL"),
        key_names=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        skills=("tools", "vision", "json_mode"),
        compatible_path="/openai",
    ),
    Vendor(
        name="groq",
        wire="openai",
        base_url="https://api.groq.com/openai/v1",
        url_names=("GROQ_BASE_URL",),
        key_names=("GROQ_API_KEY",),
        skills=("tools", "json_mode"),
    ),
    Vendor(
        name="openrouter",
        wire="openai",
        base_url="https://openrouter.ai/api/v1",
        url_names=("OPENROUTER_BASE_URL",),
        key_names=("OPENROUTER_API_KEY",),
        routes=True,
        many=True,
    ),
    Vendor(
        name="huggingface",
        wire="openai",
        base_url="https://router.huggingface.co/v1",
        url_names=("HF_BASE_URL",),
        key_names=("HF_TOKEN",),
        many=True,
    ),
    Vendor(name="ollama", wire="ollama", base_url="http://127.0.0.1:11434", url_names=("OLLAMA_URL",), local=True),
    Vendor(
        name="lm-studio", wire="openai", base_url="http://127.0.0.1:1234/v1", url_names=("LM_STUDIO_URL",), local=True
    ),
    Vendor(
        name="llama.cpp", wire="openai", base_url="http://127.0.0.1:8080/v1", url_names=("LLAMA_CPP_URL",), local=True
    ),
)


class Lead(Struct, frozen=True):
    """A vendor that may be there: where to ask, and with which key."""

    vendor: Vendor
    base_url: str
    moved: bool  # an operator's own URL, not the vendor's
    key: str | None = None

    def __repr__(self) -> str:
        return f"Lead({self.vendor.name!r}, {self.base_url!r})"


def leads(environment: Mapping[str, str], vendors: tuple[Vendor, ...] = VENDORS) -> list[Lead]:
    """Return the vendors that are worth a question; raises `ValueError`, naming the variable, for a bad URL."""
    return [lead for vendor in vendors if (lead := _lead(vendor, environment)) is not None]


@lru_cache(maxsize=4096)
def routes_itself(provider: str, base_url: str) -> bool:
    """Whether an upstream is a router with wishes of its own: OpenRouter, by its address or by its name."""
    host = urlsplit(base_url).hostname
    return any(v.routes and (v.name == provider or urlsplit(v.base_url).hostname == host) for v in VENDORS)


def is_usable(upstream_model: str) -> bool:
    """Whether a model's name lets it be one that chats or embeds; listings mix in models for speech and pictures."""
    name = upstream_model.lower()
    return not any(part in name for part in NOT_USABLE)


def embeds(upstream_model: str) -> bool:
    """Whether a model's name says that it makes vectors, for listings that say no more than the name."""
    name = upstream_model.lower()
    return any(part in name for part in EMBEDS)


def _lead(vendor: Vendor, environment: Mapping[str, str]) -> Lead | None:
    key = _first(environment, vendor.key_names)
    url = _first(environment, vendor.url_names)
    if (not vendor.local and not key) or key.startswith(OUR_KEYS) or (vendor.local and url.lower() == OFF):
        return None
    moved_to = _checked(url, vendor) if url else vendor.base_url
    if vendor.compatible_path and moved_to.endswith(vendor.compatible_path):
        vendor = replace(vendor, wire=COMPATIBLE)
    return Lead(vendor, moved_to, moved_to != vendor.base_url, key or None)


def _checked(url: str, vendor: Vendor) -> str:
    try:
        check_base_url(url, allow_private=True)
    except ValueError as exc:
        raise ValueError(f"{' or '.join(vendor.url_names)}: {str(exc).removeprefix('base_url: ')}") from exc
    return _with_path(url.rstrip("/"), vendor.base_url)


def _with_path(url: str, default: str) -> str:
    """`https://api.anthropic.com` means `https://api.anthropic.com/v1`: clients differ in what they leave out."""
    return url if urlsplit(url).path else url + urlsplit(default).path


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := environment.get(name, "").strip())), "")
