"""How is the sample made from beginning to end? Ports, rows, gateway, traffic; then its records move over the days."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from itertools import takewhile
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from providers.pricebook import PriceBook
from routing.demo import rows
from routing.demo.seen import seen
from routing.demo.sending import send
from routing.demo.turns import DAYS, KEYS, REQUESTS, instants, turns
from routing.demo.upstreams import upstreams
from routing.drill.gateway import own_address, running_gateway, wait_until_known
from routing.drill.stagehand import Performance
from routing.selectors import auto_names
from tenants.models import Tenant
from usage import retelling, states
from usage.comparing import Comparer
from usage.models import RequestRecord

KEY_LIVES: Final = timedelta(hours=1)
RECORDED_WITHIN_S: Final = 60.0
POLL_S: Final = 0.25
Tell = Callable[[float, str], None]  # how far it is (0 to 1), and what is done


class Unrecorded(RuntimeError):
    """Requests were answered and their records do not come."""


class Stopped(Exception):
    """Somebody removes the sample while it is made."""


def fill(tenant: Tenant, tell: Tell, count: int = REQUESTS) -> int:
    """Make the sample of this tenant anew; return how many requests it has. Removes all of it where somebody asks so.

    Raises `NoGateway`, `Unrecorded`, and whatever `tell` raises.
    """
    try:
        comparer = _traffic(tenant, tell, count)
        with transaction.atomic():
            _go_on(tenant)
            now = timezone.now()
            found = RequestRecord.objects.filter(tenant_id=tenant.pk).count()
            told = retelling.retell(tenant.pk, instants(found, now), now, comparer)
            states.record(seen(told), tenant.pk)
            rows.add_budget(tenant, told, now - timedelta(days=DAYS))
        _go_on(tenant)
    except Stopped:
        rows.remove(tenant)
        return 0
    return len(told)


def _traffic(tenant: Tenant, tell: Tell, count: int) -> Comparer:
    """Send it, and return when all is recorded. The upstreams are gone then: what is returned knows their prices."""
    taken, prices = 0, PriceBook()
    try:
        with ExitStack() as stack:
            cast = upstreams(own_address(settings.GATEWAY_URL))
            for each in cast:
                stack.callback(each.close)
            stack.callback(rows.take_down)
            keys = rows.put_up(tenant, cast, KEYS, timezone.now() + KEY_LIVES)
            prices.refresh()
            url = stack.enter_context(running_gateway())
            for key in keys:
                wait_until_known(url, key, [model.name for each in cast for model in each.models])
            leave = threading.Event()  # who stops still hears the answers that are on their way: they are recorded
            asked = takewhile(lambda _: not leave.is_set(), turns(auto_names(["*"]), count))
            performance = stack.enter_context(Performance[bool](partial(send, asked, cast, url, keys)))
            for number, recorded in _ended(performance):
                taken += recorded
                tell(0.9 * number / count, f"{number} of {count} requests are answered")
                if not _wanted(tenant):
                    leave.set()
    finally:
        _wait_for_records(tenant, taken)
    _go_on(tenant)
    tell(0.95, "their records move over the last days")
    return Comparer(prices)


def _ended(performance: "Performance[bool]") -> Iterator[tuple[int, bool]]:
    """How many requests are over, and whether the last one is recorded; now and then although none has ended."""
    number = 0
    for over in performance:
        number += over is not None
        yield number, bool(over)


def _go_on(tenant: Tenant) -> None:
    """Raises `Stopped` where the sample is being removed."""
    if not _wanted(tenant):
        raise Stopped


def _wanted(tenant: Tenant) -> bool:
    return Tenant.objects.filter(pk=tenant.pk, enabled=True).exists()


def _wait_for_records(tenant: Tenant, count: int) -> None:
    deadline = time.monotonic() + RECORDED_WITHIN_S
    while (found := RequestRecord.objects.filter(tenant_id=tenant.pk).count()) < count:
        if time.monotonic() > deadline:
            raise Unrecorded(f"{found} of {count} requests were recorded within {RECORDED_WITHIN_S:.0f} s")
        time.sleep(POLL_S)
