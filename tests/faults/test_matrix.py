"""The fault list, streamed and whole, alone and with a healthy fallback: every cell over real sockets."""

import re

import httpx
import pytest

from tests.faults.conftest import Faulty
from tests.faults.expecting import judge
from tests.faults.matrix import Cell, cells_of, configuration, run
from tests.faults.rows import ROWS
from tests.gateway.gateway import manage

CELLS = {cell.id: cell for cell in cells_of(ROWS)}
SIGN_IN = """
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
ana = get_user_model().objects.create_superuser("ana")
store = SessionStore()
store[SESSION_KEY], store[HASH_SESSION_KEY] = str(ana.pk), ana.get_session_auth_hash()
store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
store.save()
print(store.session_key)
"""
MOST_GROWTH_MB = 250  # a bomb of 100 MB and endless lines are among the cells; eight whole answers may have 32 MB


@pytest.fixture(scope="module")
def selected(request) -> list[Cell]:
    """The cells that this run is about."""
    names = [item.callspec.params["name"] for item in request.session.items if item.name.startswith("test_cell[")]
    return [CELLS[name] for name in names]


@pytest.fixture(scope="module")
def gateway(migrated, tmp_path_factory, places, fallback, authority, selected):
    env = {"SSL_CERT_FILE": str(authority.trusted)}
    gateway = Faulty.made_from(migrated, tmp_path_factory.mktemp("gateway"), env)
    gateway.apply(configuration(selected, places, fallback))
    yield gateway.start()
    gateway.stop()


@pytest.fixture(scope="module")
def outcomes(gateway, primary, fallback, selected):
    """All cells, run side by side; then each test looks at its own."""
    before_mb = gateway.memory_mb
    seen = run(selected, gateway, primary, fallback)
    return seen, gateway.memory_mb - before_mb


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CELLS)
def test_cell(outcomes, name):
    cell = CELLS[name]
    judge(outcomes[0][name], cell.row.expectation(cell.stream, cell.fallback), cell.model, cell.stream)


def test_an_operator_is_told_of_each_certificate_that_is_not_trusted(gateway, outcomes, selected):
    """Row 4. On the overview, as a person sees it who is signed in."""
    session = manage(gateway.var, "shell", "-v0", "-c", SIGN_IN, env=gateway.env).strip()
    page = httpx.get(f"{gateway.url}/admin/", cookies={"sessionid": session}, timeout=30)
    assert page.status_code == 200
    untrusted = {cell.id for cell in selected if cell.row.number == 4}
    assert set(re.findall(r"([\w-]+): its certificate is not trusted", page.text)) == untrusted


def test_memory_is_bounded(outcomes):
    assert outcomes[1] < MOST_GROWTH_MB


def test_every_answer_has_openais_shape(gateway, outcomes):
    assert not gateway.complaints()
