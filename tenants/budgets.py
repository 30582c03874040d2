"""What may be spent, and what was? Budgets, their windows of time, and the leases that workers hold of these.

Amounts are whole numbers in the budget's unit: nano-dollars, or tokens. In every window `spent` is what is settled and
`leased` what workers may still spend, so a lease is granted only while both together stay within the limit. Only
`tenants.lending`, `tenants.settling` write windows and leases, always with the window's row locked first.
"""

from decimal import Decimal
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from tenants.periods import Period

NANO_PER_USD: Final = 1_000_000_000
USD, TOKENS = "usd", "tokens"
RAISE: Final = "tenants.raise_budget"  # lets more be spent than a budget that stands does


def usual_alerts() -> list[int]:
    """Percent of the limit at which an operator is told."""
    return [50, 80, 100]


def check_alerts(value: Any) -> None:
    """A list of whole percents above 0."""
    given = value if isinstance(value, list) else [value]
    wrong = [each for each in given if type(each) is not int or not 0 < each <= 1000]
    if wrong or given is not value:
        told = ", ".join(map(str, wrong or given))
        raise ValidationError(f"{told}: whole percents of the limit, 1 to 1000, are wanted; e.g. 50, 80, 100")


class Budget(models.Model):
    """A limit on what a tenant, one of its keys or one tag of its requests may spend in a period."""

    class Unpriced(models.TextChoices):
        REFUSE = "refuse", "refuse: a deployment without a price is not asked"
        ALLOW = "allow", "allow: it is asked, and counts for nothing"

    class Hard(models.TextChoices):
        HARD = "hard", "hard: what it does not cover is refused"
        SOFT = "soft", "soft: it only alerts"

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="budgets")
    key = models.ForeignKey(
        "tenants.ClientKey", on_delete=models.CASCADE, null=True, blank=True, help_text="Empty: all keys together."
    )
    tag = models.CharField(max_length=256, blank=True, help_text="Only requests that carry this tag. Empty: all.")
    limit_usd = models.DecimalField(
        "limit, USD", max_digits=18, decimal_places=9, null=True, blank=True, validators=[MinValueValidator(Decimal(0))]
    )
    limit_tokens = models.PositiveBigIntegerField(
        "limit, tokens", null=True, blank=True, help_text="One of the two limits, prompt and answer together."
    )
    period = models.CharField(max_length=8, choices=[(p.value, p.value) for p in Period], default=Period.MONTH.value)
    kind = models.CharField(max_length=4, choices=Hard, default=Hard.HARD)
    alerts = models.JSONField(
        default=usual_alerts, blank=True, validators=[check_alerts], help_text="Percent of the limit: [50, 80, 100]"
    )
    low_percent = models.PositiveSmallIntegerField(
        "little is left below, %", null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    low_policy = models.CharField(
        "policy when little is left", max_length=64, blank=True, help_text="Takes the place of whatever was asked for."
    )
    unpriced = models.CharField("unknown price", max_length=6, choices=Unpriced, default=Unpriced.REFUSE)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["tenant", "pk"]
        permissions = [("raise_budget", "Can raise budget")]
        constraints = [
            models.CheckConstraint(
                condition=Q(limit_usd=None, limit_tokens__isnull=False) | Q(limit_usd__isnull=False, limit_tokens=None),
                name="budget_has_one_limit",
                violation_error_message="A budget has one limit, in USD or in tokens.",
            ),
            models.CheckConstraint(
                condition=Q(low_percent=None, low_policy="") | (Q(low_percent__isnull=False) & ~Q(low_policy="")),
                name="budget_low_percent_with_policy",
                violation_error_message="What is little and the policy then go together.",
            ),
        ]

    def __str__(self) -> str:
        whose = "".join((f", key {self.key.name}" if self.key else "", f", tag {self.tag}" if self.tag else ""))
        return f"{self.tenant}: {self.limit_text} {Period(self.period).phrase}{whose}"

    @property
    def unit(self) -> str:
        return USD if self.limit_usd is not None else TOKENS

    @property
    def limit(self) -> int:
        """In the unit that windows count."""
        return int(self.limit_usd * NANO_PER_USD) if self.limit_usd is not None else self.limit_tokens or 0

    @property
    def limit_text(self) -> str:
        return amount_text(self.unit, self.limit)

    def why_no_raise(self, wanted: Decimal | int) -> str:
        """Why `wanted`, in dollars or tokens as the budget is, raises no limit; empty: it does."""
        present = self.limit_usd if self.limit_usd is not None else self.limit_tokens or 0
        return "" if wanted > present else f"{wanted:,} is not above the limit, {self.limit_text}"

    @property
    def fixed_without_raise(self) -> tuple[str, ...]:
        """The columns that only who has `RAISE` may change, as some change of them lets more be spent: a limit or a
        period, and what is turned soft or allowed without a price. Taking the whole budget away takes `RAISE`, too."""
        turned = (("kind", self.Hard.HARD), ("unpriced", self.Unpriced.REFUSE))
        strict = (column for column, value in turned if getattr(self, column) == value)
        return "limit_usd", "limit_tokens", "period", *strict

    @property
    def hard(self) -> bool:
        return self.kind == self.Hard.HARD


class BudgetWindow(models.Model):
    """One period of one budget, from `start` (seconds since the epoch)."""

    # No constraint in the database: what was spent may be settled when the budget has just been deleted.
    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="windows", db_constraint=False)
    start = models.BigIntegerField()
    spent = models.BigIntegerField(default=0)
    leased = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["budget", "start"]
        constraints = [models.UniqueConstraint(fields=["budget", "start"], name="budget_window_start")]

    def __str__(self) -> str:
        return f"budget {self.budget_id} from {self.start}"


class BudgetLease(models.Model):
    """What one worker may spend of a window: `granted` less what it gave back; `settled` of it is spent."""

    window = models.ForeignKey(BudgetWindow, on_delete=models.CASCADE, related_name="leases")
    holder = models.CharField(max_length=160)
    granted = models.BigIntegerField(default=0)
    settled = models.BigIntegerField(default=0)
    seen_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["window", "holder"]
        constraints = [models.UniqueConstraint(fields=["window", "holder"], name="budget_lease_holder")]

    def __str__(self) -> str:
        return f"{self.holder} of {self.window}"

    @property
    def outstanding(self) -> int:
        return self.granted - self.settled


def fixes_zone(tenant: Any) -> bool:
    """Whether only who has `RAISE` may move the clocks of a tenant: with them its budgets begin new periods."""
    return tenant.pk is not None and Budget.objects.filter(tenant=tenant).exists()


def amount_text(unit: str, amount: int) -> str:
    """An amount for people: `25 USD`, `0.003 USD`, `1,200 tokens`."""
    if unit == TOKENS:
        return f"{amount:,} tokens"
    return f"{Decimal(amount).scaleb(-9).normalize():f} USD"
