"""In which state is a deployment, or a provider, now? One word each, on all pages; docs/glossary.md has them."""

from typing import Final

from routing.resilience.report import HealthReport

HEALTHY: Final = "healthy"


def deployment_state(name: str, health: HealthReport | None) -> str:
    """Its circuit breaker's, where that is not closed; empty where this process does not know."""
    if health is None:
        return ""
    breaker = health.breakers.get(name)
    return breaker.state if breaker else "cooldown" if name in health.cooling else HEALTHY


def provider_state(provider: str, health: HealthReport | None) -> str:
    """Its own breaker's; else the worst of its deployments', where none is called; degraded where some are, or a
    credential is not used."""
    if health is None:
        return ""
    if provider in health.providers:
        return health.providers[provider].state
    troubled = {name for name in (*health.breakers, *health.cooling) if name.partition("/")[0] == provider}
    if 0 < len(troubled) >= health.served.get(provider, 0):
        worst = health.of_provider(provider)
        return worst.state if worst else "cooldown"
    return "degraded" if troubled or health.credentials_of(provider) else HEALTHY
