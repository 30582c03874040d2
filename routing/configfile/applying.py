"""From a file that was read to rows that stand: everything in one transaction, or nothing."""

from collections.abc import Callable

from django.db import transaction

from providers.audit import Actor
from providers.revisions import bump
from routing.configfile.changes import Changes, Holder
from routing.configfile.modelpart import put_models
from routing.configfile.policypart import put_policies
from routing.configfile.providerpart import put_providers
from routing.configfile.reading import ConfigError, Document
from routing.configfile.receiverpart import put_receivers
from routing.configfile.tenantpart import put_tenants


def apply(
    document: Document,
    actor: Actor,
    *,
    reason: str = "",
    dry_run: bool = False,
    holder: Holder | None = None,
    before_commit: Callable[[Changes], None] | None = None,
) -> Changes:
    """Make the rows what the file says; what it does not mention stays. Raises `ConfigError` and changes nothing.

    `holder` is whose rights are asked for, None: nobody's. `before_commit` sees what was done while it can still be
    undone, by raising: keys must reach their file first. A dry run does everything and takes
    it back, so that it tells the truth.
    """
    changes = Changes(document, actor, reason=reason, holder=holder)
    config = document.config
    with transaction.atomic():
        put_models(changes, config.models or [])
        put_providers(changes, config.providers or [])
        put_policies(changes, config.policies or [])
        put_tenants(changes, config.tenants or [])
        put_receivers(changes, config.receivers or [])
        if changes.problems:
            raise ConfigError(changes.problems)
        for part in sorted(changes.parts - {""}):
            bump(part)
        if before_commit is not None and not dry_run:
            before_commit(changes)
        transaction.set_rollback(dry_run)
    return changes
