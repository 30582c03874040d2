"""A command line for the tests of the configuration file."""

import io

import pytest
from django.core.management import CommandError, call_command

from providers.revisions import numbers
from tests.configfile.files import SECRET, rows


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("BENCH_UPSTREAM_KEY", SECRET)


@pytest.fixture
def run(tmp_path):
    """Apply a text through the command; returns what it printed, errors last."""

    def apply(text, *options):
        path, out, err = tmp_path / "config.yaml", io.StringIO(), io.StringIO()
        path.write_text(text, encoding="utf-8")
        call_command("apply", str(path), *options, stdout=out, stderr=err)
        return out.getvalue() + err.getvalue()

    return apply


@pytest.fixture
def refused(run):
    """The messages with which a text is refused; nothing may have changed."""

    def apply(text, *options):
        before = (numbers(), rows())
        with pytest.raises(CommandError) as caught:
            run(text, *options)
        assert (numbers(), rows()) == before
        return str(caught.value)

    return apply
