"""The admin's own content security policy: its packages need inline scripts, styles and `eval`; all else is shut."""

from typing import Any, Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

PLACE: Final = "/admin"
INLINE: Final = "'unsafe-inline'"
DIRECTIVES: Final[dict[str, Any]] = {
    "script-src": ["'self'", INLINE, "'unsafe-eval'"],  # Alpine's expressions, and the scripts inside unfold's pages
    "style-src": ["'self'", INLINE],
}


class AdminPolicy(MiddlewareMixin):
    """Stands after django-csp's middleware in the list, so that its answer passes here first."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.path == PLACE or request.path.startswith(f"{PLACE}/"):
            response._csp_replace = DIRECTIVES  # type: ignore[attr-defined]
        return response
