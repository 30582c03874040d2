"""Is what operators look at a sandbox? The badge on every admin page."""

from django.http import HttpRequest

from providers.models import Provider


def badge(request: HttpRequest) -> list[str] | None:
    """Text and colour of the badge while sandbox providers can be called, else None."""
    if not request.user.is_authenticated:
        return None
    sandbox = Provider.objects.filter(source=Provider.Source.SANDBOX, enabled=True).exists()
    return ["Sandbox", "warning"] if sandbox else None
