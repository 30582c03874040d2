"""What people said of an answer."""

from django.db import models


class Rating(models.Model):
    """One tenant's opinion of one answer; a second opinion replaces the first."""

    request_id = models.UUIDField(help_text="The record of the request; records may be gone sooner than ratings.")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+")
    key_id = models.BigIntegerField("client key")
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
