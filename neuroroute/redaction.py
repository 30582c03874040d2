"""What must never stand in a log, and how is it taken out? By its field's name, by its look, and by its value.

`structlog` processors use it on the fields of a line (the source) and once more on the finished text (the sink), where
a traceback or a library's own message may hold what nobody put there on purpose.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

HIDDEN: Final = "…"
SHORTEST: Final = 8  # a shorter value would take innocent words out with it
_NAMES: Final = (
    "authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-goog-api-key", "apikey",
    "credential", "password", "passwd", "secret", "client-secret", "access-token", "refresh-token", "secret-key",
    "secrets-keys", "client-key-pepper", "metrics-token",
)  # fmt: skip
_NAMED: Final = "|".join(re.escape(name).replace(r"\-", "[-_]") for name in _NAMES)
_SECRET_NAME: Final = re.compile(_NAMED, re.IGNORECASE)
_REST: Final = r"[^\s\"'\\,;&<>()\[\]{}]+"  # a value, up to what ends it in text, JSON, a URL or a header
_QUOTE: Final = r"(?:b?\\*[\"'])"  # of bytes too, and escaped as often as texts hold each other
_BETWEEN: Final = rf"(?:{_QUOTE}?\s*[:=]\s*{_QUOTE}?|{_QUOTE}\s*,\s*{_QUOTE})(?!bearer\s)"
_LOOKS: Final = (
    # redis://:password@host, also where the password itself holds an @ or a slash
    (re.compile(r"(://[^\s\"'\\/@:]*:)[^\s\"'\\]+@"), rf"\1{HIDDEN}@"),
    (re.compile(rf"\b(bearer\s+){_REST}", re.IGNORECASE), rf"\1{HIDDEN}"),
    # name: value, name=value, "name": "value", and the pairs of bytes that ASGI has headers as
    (re.compile(rf"\b((?:{_NAMED}){_BETWEEN})(?:basic\s+)?{_REST}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(rf"([?&](?:key|token|sig|signature)=){_REST}", re.IGNORECASE), rf"\1{HIDDEN}"),
    # Keys by what their makers put in front: ours, OpenAI's and Anthropic's, Groq's, Hugging Face's, Google's.
    (re.compile(r"(?<![A-Za-z0-9])(nr-|sk-|gsk_|hf_|AIza)[A-Za-z0-9_\-]{6,}"), rf"\1{HIDDEN}"),
)
_SECRET_SETTING: Final = re.compile(r".*(KEY|KEYS|TOKEN|SECRET|PASSWORD|PEPPER)")


def is_secret_setting(name: str) -> bool:
    """Whether the name of an environment variable says that it is secret."""
    return _SECRET_SETTING.fullmatch(name) is not None


def secrets_in(environment: Mapping[str, str]) -> list[str]:
    """The values of variables whose names say that they are secret, also those that `credential_env` names."""
    held = [value for name, value in environment.items() if is_secret_setting(name)]
    return [part.strip() for value in held for part in value.split(",")]


class Redaction:
    """Takes secrets out of texts; `known` are values that are secret whatever they look like."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        values = sorted({value for value in known if len(value) >= SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, values))) if values else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._known:
            text = self._known.sub(HIDDEN, text)
        for look, instead in _LOOKS:
            text = look.sub(instead, text)
        return text

    def value(self, value: Any) -> Any:
        """Any value of a line's field, as deep as mappings and sequences go; what is no text stays as it is."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self.text(value.decode(errors="replace"))
        if isinstance(value, Mapping):
            return {self.value(name): self.field(str(name), held) for name, held in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(one) for one in value]
        return self.text(str(value)) if isinstance(value, BaseException) else value

    def field(self, name: str, value: Any) -> Any:
        """A field's value: nothing of it where its name says that it is secret."""
        return HIDDEN if value and _SECRET_NAME.fullmatch(name) else self.value(value)

    def fields(self, logger: Any, method: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """The processor at the source. What begins with `_`, and `exc_info`, is structlog's own."""
        return {
            name: held if name.startswith("_") or name == "exc_info" else self.field(name, held)
            for name, held in event.items()
        }

    def line(self, logger: Any, method: str, line: str) -> str:
        """The processor at the sink: behind the renderer."""
        return self.text(line)
