"""What does a person keep of the dashboard: how it looks to them, the questions that they ask again. And the board."""

from typing import Any

from django.conf import settings
from django.db import models

from dashboard.cases import PlaygroundCase

__all__ = ["AttentionBoard", "PlaygroundCase", "Preferences"]


class Preferences(models.Model):
    """One row per person who chose something; who has none sees what the empty one says."""

    class Theme(models.TextChoices):
        """Empty: as the system has it."""

        SYSTEM = "", "System"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="preferences"
    )
    theme = models.CharField(max_length=5, choices=Theme.choices, blank=True, default=Theme.SYSTEM)
    zone = models.CharField(max_length=64, blank=True, default="")  # empty: UTC
    range = models.CharField(max_length=16, blank=True, default="")  # a preset; empty: the dashboard's own
    shortcuts = models.BooleanField(default=True)  # keys that act alone, without Ctrl or Cmd
    begun = models.BooleanField(default=False)  # a request of what they see was recorded: the beginning is over
    views: Any = models.JSONField(default=list, blank=True)  # {"page", "name", "query"}, in the order of saving

    class Meta:
        verbose_name_plural = "preferences"
        default_permissions = ()  # everyone's own, through the dashboard

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"


class AttentionBoard(models.Model):
    """What needs somebody, as the last check found it: one row, read and written through `dashboard.board`."""

    told: Any = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        permissions = [("acknowledge", "Can acknowledge what needs attention")]

    def __str__(self) -> str:
        return "what needs attention"
