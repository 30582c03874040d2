"""What the operator's API refuses, in the form of the data plane's errors."""

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404
from rest_framework import exceptions

from routing.errors import RoutingError
from tenants.errors import Forbidden


class NotThere(RoutingError):
    """There is no such row, or it is not yours to see."""

    status, type, code = 404, "invalid_request_error", "not_found"


class Conflict(RoutingError):
    """What is stored stands against it."""

    status, type, code = 409, "invalid_request_error", "conflict"


class ChangedMeanwhile(RoutingError):
    """Somebody else changed the row since its version was read."""

    status, type, code = 412, "invalid_request_error", "version_mismatch"


def as_ours(exc: Exception) -> Exception:
    """Django's and DRF's refusals as ours; everything else as it is."""
    if isinstance(exc, Http404 | exceptions.NotFound):
        return NotThere("there is nothing at this address, or it is not yours to see")
    if isinstance(exc, PermissionDenied | exceptions.PermissionDenied):
        return Forbidden(str(exc))
    if isinstance(exc, IntegrityError):
        return Conflict("the same was written at the same time; read it, and try again")
    return exc
