"""How a changelist is narrowed to a span of time: from a day or an instant to another, both as they are shown."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any, Final

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.contrib.filters.forms import RangeDateTimeForm

# Each end: its lookup, and the time that a day without one has.
ENDS: Final[Mapping[str, tuple[str, str]]] = {
    "from": ("gte", time.min.isoformat()),
    "to": ("lte", time.max.isoformat()),
}


class NamedRangeForm(RangeDateTimeForm):
    """Unfold's, whose four inputs say which is which."""

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(name, *args, **kwargs)
        for end in ENDS:
            day, hour = self.fields[f"{name}_{end}"].widget.widgets
            day.attrs["aria-label"], hour.attrs["aria-label"] = f"{end.title()}: day", f"{end.title()}: time"


class TimeRangeFilter(RangeDateTimeFilter):
    """Unfold's drops an end that has no time, and reads a wrong day as no day: here a day counts from its beginning or
    to its end, and of what cannot be read nothing is shown, with a word about it."""

    form_class = NamedRangeForm

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = f"time ({timezone.get_current_timezone_name()})"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        for end, (lookup, usual) in ENDS.items():
            day = self.used_parameters.get(f"{self.parameter_name}_{end}_0")
            hour = self.used_parameters.get(f"{self.parameter_name}_{end}_1") or usual
            if not day:
                continue
            if (instant := _instant(day, hour)) is None:
                messages.error(request, f"{day} {hour} is no time; e.g. 2026-01-31 and 12:00.")
                return queryset.none()
            queryset = queryset.filter(**{f"{self.parameter_name}__{lookup}": instant})
        return queryset


def _instant(day: str, hour: str) -> datetime | None:
    try:
        return timezone.make_aware(datetime.fromisoformat(f"{day.strip()}T{hour.strip()}"))
    except (ValueError, OverflowError):
        return None
