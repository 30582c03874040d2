"""Base URLs: public ones pass, private ones need leave, a metadata service never passes."""

import pytest
from django.core.exceptions import ValidationError

from providers.addresses import check_base_url
from providers.models import Provider

PRIVATE = [
    "http://localhost:11434",
    "http://LOCALHOST./v1",
    "http://ollama.localhost",
    "http://127.0.0.1:9001/v1",
    "http://127.1",
    "http://0x7f000001",
    "http://2130706433",
    "http://0177.0.0.1",
    "http://0.0.0.0:80",
    "http://10.1.2.3",
    "http://172.16.0.1",
    "http://192.168.1.1",
    "http://169.254.1.1",
    "http://[::1]:8080",
    "http://[::ffff:10.0.0.1]",
    "http://[fe80::1]",
    "http://[fd12::1]",
]
PUBLIC = ["https://api.openai.com/v1", "http://8.8.8.8", "http://ollama:11434", "https://[2606:4700::1111]/v1"]
NEVER = [
    "http://169.254.169.254/latest",
    "http://[::ffff:169.254.169.254]",
    "http://0xa9fea9fe",
    "http://metadata.google.internal",
    "http://100.100.100.200",
]
MALFORMED = [
    "",
    "api.openai.com/v1",
    "ftp://example.com",
    "file:///etc/passwd",
    "https://",
    "https://example.com:99999",
    "https://example.com/v1?key=1",
    "https://exam ple.com",
    "https://[::1",
]


@pytest.mark.parametrize("url", PUBLIC)
def test_a_public_address_passes(url):
    check_base_url(url, allow_private=False)


@pytest.mark.parametrize("url", PRIVATE)
def test_a_private_address_passes_only_where_allowed(url):
    check_base_url(url, allow_private=True)
    with pytest.raises(ValueError, match="allow_private"):
        check_base_url(url, allow_private=False)


@pytest.mark.parametrize("url", NEVER)
def test_a_metadata_service_never_passes(url):
    with pytest.raises(ValueError, match="metadata"):
        check_base_url(url, allow_private=True)


@pytest.mark.parametrize("url", MALFORMED)
def test_a_malformed_url_is_refused_with_a_good_example(url):
    with pytest.raises(ValueError, match=r"base_url: .*https://api\.openai\.com/v1"):
        check_base_url(url, allow_private=True)


def test_a_password_is_refused_and_not_repeated():
    with pytest.raises(ValueError, match="credential") as caught:
        check_base_url("https://user:hunter2@example.com", allow_private=True)
    assert "hunter2" not in str(caught.value)


def test_the_model_says_it_at_the_field():
    with pytest.raises(ValidationError) as caught:
        Provider(name="local", base_url="http://10.0.0.1").clean()
    assert list(caught.value.message_dict) == ["base_url"]
