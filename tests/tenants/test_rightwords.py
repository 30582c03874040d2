"""How rights are called in sentences."""

import pytest

from tenants.rightwords import right_said


@pytest.mark.parametrize(
    ("right", "said"),
    [
        ("providers.change_deployment", "change deployments"),
        ("providers.drain_deployment", "drain deployments"),
        ("usage.read_bodies", "read prompts and answers"),
        ("dashboard.acknowledge", "acknowledge what needs attention"),
        ("providers.paint_walls", "providers.paint_walls"),
    ],
)
def test_a_right_is_said_by_what_it_lets_a_person_do(right, said):
    assert right_said(right) == said
