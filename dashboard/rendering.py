"""How do panels become a page? Each on its own, so that one that fails says why and the page stands."""

import logging

from django.db import DatabaseError
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from msgspec import Struct

from dashboard.panels.base import Panel
from dashboard.scope import Scope
from neuroroute.plugins import discover

log = logging.getLogger(__name__)


class RenderedPanel(Struct, frozen=True):
    """One panel, ready to stand on the page; `body` is None when it failed."""

    panel: Panel
    body: SafeString | None
    problem: str = ""
    csv: str = ""  # where its table is to be had; empty where it has none
    note: str = ""  # which filters it does not know, where its page does not say it already
    requests: str = ""  # where the requests behind it are listed; empty where it counts none
    hidden: bool = False  # it has nothing to ask or say now


def panels_of(page: str) -> list[Panel]:
    """The panels of a page, in their order."""
    kinds = [kind for kind in discover("dashboard.panels", Panel).values() if kind.page == page]
    return [kind() for kind in sorted(kinds, key=lambda kind: (kind.order, kind.name))]


def rendered(panel: Panel, scope: Scope, request: HttpRequest | None = None) -> RenderedPanel:
    """Draw one panel, with its times by the page's clock; this is the edge where its errors end."""
    try:
        data = panel.data(scope)
        with timezone.override(scope.period.zone):
            body = render_to_string(panel.template, {"data": data, "panel": panel, "scope": scope}, request)
        has_table = panel.table(data, scope) is not None
        csv = scope.csv_address(panel.name, panel.unused(scope)) if has_table else ""
        words = {"csv": csv, "note": panel.note(scope), "requests": panel.requests(scope)}
        return RenderedPanel(panel, body, **words, hidden=not panel.stands(data))
    except DatabaseError as exc:
        log.exception("panel %s: the database did not answer", panel.name)
        return RenderedPanel(panel, None, f"The database did not answer ({type(exc).__name__}).")
    except Exception as exc:
        log.exception("panel %s failed", panel.name)
        return RenderedPanel(panel, None, f"This panel has a fault of its own ({type(exc).__name__}).")
