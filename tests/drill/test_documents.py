"""The document of the drill has every scenario as it is."""

import re

from routing.drill.scenario import scenarios
from tests.gateway.gateway import ROOT


def test_every_scenario_stands_in_the_table():
    text = (ROOT / "docs" / "drill.md").read_text()
    rows = re.findall(r"^\| (S\d\d) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert rows == [(each.name, each.title, each.means) for each in scenarios().values()]
