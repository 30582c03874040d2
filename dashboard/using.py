"""Who is using a provider, or one of its models? Named before it is taken away from them."""

from dashboard.formatting import counted
from providers.models import Deployment, Provider
from routing.inflight.asking import live
from routing.inflight.telling import Wanted
from tenants.sight import Sight
from usage.adminhistory import use_of


def using(row: Provider | Deployment, sight: Sight) -> str:
    """`3 keys used it in the last hour: team-a/ci, … 1 request is running.` Of tenants in sight."""
    provider = row if isinstance(row, Provider) else row.provider
    running = live(sight, Wanted(provider=provider.name, deployment=None if provider is row else str(row)))
    now = f"{counted(running.total, 'request')} {'is' if running.total == 1 else 'are'} running"
    unheard = "" if running.whole else " (not every worker answered)"
    whose = "" if sight is None else " That is of the tenants that you see; others may use it too."
    return f"{use_of(row, sight).last_hour} {now}{unheard}.{whose}"
