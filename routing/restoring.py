"""Back to what a policy decided before: a new version with the old content, by the rules of the configuration file."""

from django.db import transaction

from providers.audit import Actor
from routing.api.operator.applying import OneChange
from routing.configfile import schema
from routing.configfile.policypart import put_policies
from routing.models import Policy, PolicyVersion


class Overtaken(Exception):
    """Somebody else has changed the policy since the question was asked."""


def restore(version: PolicyVersion, actor: Actor, reason: str, seen: str) -> list[str]:
    """Make the policy decide as `version` did; return what is doubtful about it.

    `seen` is the number of the version that who asks believes to be in effect. Raises `Overtaken` where another is,
    and `InvalidBody` where the old content does not hold any more.
    """
    with transaction.atomic():
        policy = Policy.objects.select_for_update().get(versions=version)
        if str(policy.version) != seen:
            raise Overtaken(
                f"{policy} has version {policy.version} by now, and you compared with another. "
                "Nothing was overwritten. Compare again, then restore."
            )
        changes = OneChange(actor, "policies[0]")
        changes.reason = f"Restores version {version.number}. {reason}"
        put_policies(changes, [schema.Policy(name=policy.name, **version.decides)])
        changes.close()
        return changes.warnings
