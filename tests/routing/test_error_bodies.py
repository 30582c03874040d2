"""What a caller reads of an error: nothing of an upstream's words or of our insides."""

import json

import pytest

from providers import errors
from providers.errors import ProviderError
from routing.api.errors import openai_body
from routing.errors import UnknownModel
from usage.errors import JournalUnavailable

OPAQUE = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ProviderError)]
OPAQUE = [kind for kind in OPAQUE if not kind.about_request]


@pytest.mark.parametrize("kind", [*OPAQUE, JournalUnavailable])
def test_inner_words_do_not_leave(kind):
    error = json.loads(openai_body(kind("secret words of http://10.0.0.7/var")))["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"] and "secret" not in error["message"]


def test_what_concerns_the_request_is_said():
    assert "nearest: x" in json.loads(openai_body(UnknownModel("nearest: x")))["error"]["message"]
    assert "too long" in json.loads(openai_body(errors.ContextTooLong("too long")))["error"]["message"]
