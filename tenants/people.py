"""Which people belong to which tenant, what they sign in with, and which rights the roles were handed."""

import base64

from django.conf import settings
from django.db import models
from django.utils.crypto import salted_hmac
from django_otp.plugins.otp_totp.models import TOTPDevice

SECRET_BYTES = 20  # as RFC 4226 advises


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


class Authenticator(TOTPDevice):
    """A person's second factor. Its secret is derived from `key`, which is worth nothing without CLIENT_KEY_PEPPER."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = "second factor"

    @property
    def bin_key(self) -> bytes:
        """The secret that the person's phone computes codes from."""
        mac = salted_hmac("second factor", self.key, secret=settings.CLIENT_KEY_PEPPER, algorithm="sha256")
        return mac.digest()[:SECRET_BYTES]

    @property
    def spelled(self) -> str:
        """The secret as it is typed into a phone that scans nothing: base32, in groups of four."""
        text = base64.b32encode(self.bin_key).decode()
        return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


class RoleGrant(models.Model):
    """A right that a role was handed when the right was new; what became of it since is the group's own affair."""

    role = models.CharField(max_length=32)
    permission = models.CharField(max_length=200, help_text="app.codename")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["role", "permission"], name="right_once_per_role")]

    def __str__(self) -> str:
        return f"{self.role}: {self.permission}"
