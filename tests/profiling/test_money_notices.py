"""What the last check of money found stands on the admin's overview."""

import pytest
from django.utils import timezone

from profiling.attention import notices
from profiling.jobs import job_kinds
from profiling.models import Job


@pytest.mark.django_db
def test_findings_of_the_last_check_stand_on_the_overview() -> None:
    now = timezone.now()
    for window, what in (("1", "an older one"), ("2", "it is off")):
        result = {"findings": [{"what": what, "effect": "look"}]}
        Job.objects.create(kind="money_sanity", window=window, state="done", due_at=now, finished_at=now, result=result)
        now = timezone.now()
    assert [(notice.what, notice.effect) for notice in notices(now)] == [("it is off", "look")]
    assert job_kinds()["money_sanity"].run(None, lambda *said: None) == {"findings": []}
