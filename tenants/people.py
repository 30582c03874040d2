"""Which people belong to which tenant, and which rights the roles were handed."""

from django.conf import settings
from django.db import models


class Membership(models.Model):
    """A person who sees the rows of a tenant; what may be done with them says the person's role."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="members")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["tenant", "user"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "tenant"],
                name="member_once_per_tenant",
                violation_error_message="Is a member of this tenant already.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.tenant}"


class RoleGrant(models.Model):
    """A right that a role was handed when the right was new; what became of it since is the group's own affair."""

    role = models.CharField(max_length=32)
    permission = models.CharField(max_length=200, help_text="app.codename")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["role", "permission"], name="right_once_per_role")]

    def __str__(self) -> str:
        return f"{self.role}: {self.permission}"
