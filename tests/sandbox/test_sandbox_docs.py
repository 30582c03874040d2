"""The documentation of the sandbox names every fault, wire, option and path."""

import re

import pytest

from providers.sandbox.faults import FAULTS
from providers.sandbox.flavours import flavour_names
from providers.sandbox.testing import ROOT
from providers.sandbox.wires import wire_names

TEXT = (ROOT / "docs" / "sandbox.md").read_text()


def test_every_fault_stands_in_the_table_as_it_is():
    table = TEXT.partition("| fault |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (.+?) \|", table, re.MULTILINE))
    assert rows == {name: fault.does for name, fault in FAULTS.items()}


@pytest.mark.parametrize(
    "word",
    [
        *wire_names(),
        *flavour_names(),
        "--parent",
        "--flavour",
        "--pace",
        "--any-model",
        "x-sandbox-fault",
        "/_sandbox/calls",
    ],
)
def test_what_a_person_types_is_explained(word):
    assert word in TEXT
