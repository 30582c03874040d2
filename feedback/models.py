"""What people said of answers, and what tests found of them."""

from django.conf import settings
from django.db import models


class Rating(models.Model):
    """One tenant's opinion of one answer; a second opinion replaces the first."""

    request_id = models.UUIDField(help_text="The record of the request; records may be gone sooner than ratings.")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+")
    key_id = models.BigIntegerField("client key", null=True, help_text="Empty: a person rated it in the dashboard.")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", help_text="Empty: a key did."
    )
    score = models.FloatField(help_text="-1 bad, 0 neither, 1 good")
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "request_id"], name="one_rating_per_answer"),
            models.CheckConstraint(
                condition=models.Q(score__gte=-1) & models.Q(score__lte=1), name="rating_score_in_range"
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="rating_created")]

    def __str__(self) -> str:
        return f"req_{self.request_id.hex}: {self.score:+g}"


class Evaluation(models.Model):
    """What somebody found of a model's response to a prompt, both kept as they were sent; not tied to a request."""

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+")
    key_id = models.BigIntegerField("client key")
    kind = models.CharField(max_length=16, choices={"feedback": "A person's opinion", "eval": "A test's result"})
    model = models.CharField(max_length=256, help_text="As the caller names it.")
    prompt = models.TextField()
    response = models.TextField()
    expected = models.TextField(blank=True)
    score = models.FloatField(help_text="-1 bad, 0 neither, 1 good")
    category = models.CharField(max_length=256, blank=True)
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(score__gte=-1) & models.Q(score__lte=1), name="evaluation_score_in_range"
            )
        ]
        indexes = [models.Index(fields=["tenant", "kind", "-id"], name="evaluation_of_tenant")]

    def __str__(self) -> str:
        return f"{self.model}: {self.score:+g}"
