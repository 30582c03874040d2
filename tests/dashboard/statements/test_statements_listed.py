"""Which of the forty statements about what people see has a test of its name, and which has none, and why?"""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
ELSEWHERE: dict[int, str] = {}


def test_each_of_the_forty_statements_has_a_test_or_a_reason_for_having_none():
    tested = {
        int(number)
        for file in TESTS.rglob("test_*.py")
        for name in re.findall(r"def (test_statement_\w+)\(", file.read_text())
        for number in re.findall(r"_(\d\d)(?=_)", name)
    }
    assert tested | ELSEWHERE.keys() >= set(range(1, 41)), sorted(set(range(1, 41)) - tested - ELSEWHERE.keys())
    assert not tested & ELSEWHERE.keys(), "it has a test by now"
