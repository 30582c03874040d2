"""Who is the one? A named lease in the database: it holds on SQLite and PostgreSQL, on one machine and on many."""

from datetime import datetime, timedelta

from django.db.models import Q

from profiling.models import Lease


def hold(name: str, holder: str, now: datetime, ttl: timedelta) -> bool:
    """Take or extend the lease; return whether `holder` has it now. Clocks must agree to well within `ttl`."""
    return _claim(name, holder, now, ttl) or _create(name, holder, now, ttl)


def release(name: str, holder: str) -> None:
    """Give the lease up, so that the next one need not wait."""
    Lease.objects.filter(name=name, holder=holder).delete()


def _claim(name: str, holder: str, now: datetime, ttl: timedelta) -> bool:
    free = Lease.objects.filter(Q(holder=holder) | Q(until__lt=now), name=name)
    return bool(free.update(holder=holder, until=now + ttl))


def _create(name: str, holder: str, now: datetime, ttl: timedelta) -> bool:
    if Lease.objects.filter(name=name).exists():
        return False
    Lease.objects.bulk_create([Lease(name=name, holder=holder, until=now + ttl)], ignore_conflicts=True)
    return Lease.objects.filter(name=name, holder=holder).exists()
