"""What do requests add up to? Sums per minute, quarter of an hour, hour and day, in the shipper's own transaction.

Each table holds every sum four times (`grain`, seconds) and twice again: per tenant, and for all tenants together
(`tenant_id` 0); requests moreover per key and for all keys together (`key_id` 0), and per key whatever answered, in a
table of its own, whose rows lie close together; latencies per deployment and for all deployments together (no
provider, no model). So a panel reads few rows whatever its range. `bucket` is the grain's start, UTC seconds since the
epoch. '' stands for "none" in text keys. Read through `usage.selectors` only: adding the table up would count several
times.
"""

from typing import Final

from django.db import models

MINUTE: Final = 60
QUARTER: Final = 900  # every time zone's days begin on a quarter of an hour
HOUR: Final = 3600
DAY: Final = 86400
GRAINS: Final = (DAY, HOUR, QUARTER, MINUTE)
MINUTES_KEPT_S: Final = 72 * HOUR
ALL_TENANTS: Final = 0
ALL_KEYS: Final = 0


class Rollup(models.Model):
    """What the tables share."""

    tenant_id = models.BigIntegerField()
    grain = models.IntegerField()
    bucket = models.BigIntegerField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.grain} s from {self.bucket}, tenant {self.tenant_id}"


class RequestSums(models.Model):
    """What is summed up of requests. No index holds any of these: an update then touches nothing but its row."""

    requests = models.BigIntegerField()
    answered = models.BigIntegerField()
    failed = models.BigIntegerField()
    rejected = models.BigIntegerField()
    cancelled = models.BigIntegerField()
    interrupted = models.BigIntegerField()
    streamed = models.BigIntegerField()
    failed_over = models.BigIntegerField()  # requests with at least one failover
    failovers = models.BigIntegerField()
    attempts = models.BigIntegerField()
    prompt_tokens = models.BigIntegerField()
    completion_tokens = models.BigIntegerField()
    cached_tokens = models.BigIntegerField()
    reasoning_tokens = models.BigIntegerField()
    estimated = models.BigIntegerField()  # requests whose tokens are our estimate
    priced = models.BigIntegerField()  # requests with a known cost
    unpriced = models.BigIntegerField()  # requests that an upstream worked on, at a cost nobody knows
    cost_nano_usd = models.BigIntegerField()

    class Meta:
        abstract = True


REQUEST_SUMS: Final = tuple(field.attname for field in RequestSums._meta.local_fields)


class ComparedSums(models.Model):
    """What answered requests would have cost elsewhere, nano-dollars: `usage.comparing`, when they were folded.

    The database's default is for rows from before: those `looked_at` are fewer than those answered, then, and those
    `split` fewer than those `compared`.
    """

    looked_at = models.BigIntegerField(db_default=0)
    compared = models.BigIntegerField(db_default=0)  # of these, at a known cost, for counted tokens
    compared_estimated = models.BigIntegerField(db_default=0)
    compared_paid = models.BigIntegerField(db_default=0)
    # The tokens of those compared, as they were counted.
    compared_prompt = models.BigIntegerField(db_default=0)
    compared_completion = models.BigIntegerField(db_default=0)
    compared_cached = models.BigIntegerField(db_default=0)
    compared_cache_write = models.BigIntegerField(db_default=0)
    compared_cache_write_1h = models.BigIntegerField(db_default=0)
    compared_reasoning = models.BigIntegerField(db_default=0)
    compared_long = models.BigIntegerField(db_default=0)  # with a prompt that a tier of prices may begin above
    dearest_cost = models.BigIntegerField(db_default=0)  # at the dearest candidate of each
    asked = models.BigIntegerField(db_default=0)  # requests that named a model which was a candidate
    asked_paid = models.BigIntegerField(db_default=0)
    asked_cost = models.BigIntegerField(db_default=0)  # at that model
    first = models.BigIntegerField(db_default=0)  # requests whose first choice has a price
    first_paid = models.BigIntegerField(db_default=0)
    first_cost = models.BigIntegerField(db_default=0)  # at that choice
    # What became of the difference, of those compared of whom it is known: `usage.comparing.Steps`.
    split = models.BigIntegerField(db_default=0)  # requests
    split_local = models.BigIntegerField(db_default=0)  # of these, answered on the operator's own hardware
    split_served = models.BigIntegerField(db_default=0)  # what the attempts that answered cost
    split_cached = models.BigIntegerField(db_default=0)  # what their tokens from a cache saved them
    dearest_routing = models.BigIntegerField(db_default=0)
    dearest_cache = models.BigIntegerField(db_default=0)
    dearest_further = models.BigIntegerField(db_default=0)
    asked_split = models.BigIntegerField(db_default=0)
    asked_routing = models.BigIntegerField(db_default=0)
    asked_cache = models.BigIntegerField(db_default=0)
    asked_further = models.BigIntegerField(db_default=0)
    first_split = models.BigIntegerField(db_default=0)
    first_routing = models.BigIntegerField(db_default=0)
    first_cache = models.BigIntegerField(db_default=0)
    first_further = models.BigIntegerField(db_default=0)

    class Meta:
        abstract = True


COMPARED_SUMS: Final = tuple(field.attname for field in ComparedSums._meta.local_fields)


class RequestRollup(RequestSums, ComparedSums, Rollup):
    """Requests, tokens and money by who asked, who answered and by which policy; `key_id` 0 is all keys together."""

    pk = models.CompositePrimaryKey("tenant_id", "grain", "bucket", "key_id", "provider", "model", "policy")
    key_id = models.BigIntegerField()
    provider = models.TextField()
    model = models.TextField()
    policy = models.TextField()

    class Meta:
        indexes = [
            models.Index(fields=["grain", "bucket", "provider", "model"], name="request_rollup_bucket"),
            models.Index(fields=["key_id", "grain", "bucket"], name="request_rollup_key"),
        ]


class KeyRollup(RequestSums, Rollup):
    """The same by who asked alone: each key of each tenant, whatever answered."""

    pk = models.CompositePrimaryKey("tenant_id", "grain", "bucket", "key_id")
    key_id = models.BigIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["grain", "bucket"], name="key_rollup_bucket"),
            models.Index(fields=["key_id", "grain", "bucket"], name="key_rollup_key"),
        ]


class TagRollup(RequestSums, Rollup):
    """The same by tag, of each tenant: a request counts under each of its tags, one that has none under ''.

    A tenant has so many tags in an hour and no more (`usage.tagcap`): what comes beyond counts under `OTHER_TAGS`.
    """

    pk = models.CompositePrimaryKey("tenant_id", "grain", "bucket", "tag")
    tag = models.TextField()

    class Meta:
        indexes = [models.Index(fields=["grain", "bucket"], name="tag_rollup_bucket")]


OTHER_TAGS: Final = "\x1f"  # a tag that nobody sends


class AttemptRollup(Rollup):
    """Attempts by deployment and by how they ended: answered, cancelled, or the class of the error."""

    pk = models.CompositePrimaryKey("tenant_id", "grain", "bucket", "provider", "model", "ended")
    provider = models.TextField()
    model = models.TextField()
    ended = models.TextField()
    attempts = models.BigIntegerField()
    retries = models.BigIntegerField()
    completion_tokens = models.BigIntegerField()  # of answers whose generation was timed
    generation_us = models.BigIntegerField()  # from the first token to the end of those

    class Meta:
        indexes = [
            models.Index(fields=["grain", "bucket"], name="attempt_rollup_bucket"),
            # Holds what deployments are compared by, in one place: rows of an hour lie as far apart as hours do.
            models.Index(
                fields=[
                    *("grain", "bucket", "provider", "model", "ended"),
                    *("attempts", "retries", "completion_tokens", "generation_us"),
                ],
                condition=models.Q(tenant_id=ALL_TENANTS),
                name="attempt_rollup_shared",
            ),
        ]


class FlowRollup(Rollup):
    """Which deployment was the first choice, and which one served ('': nobody)."""

    pk = models.CompositePrimaryKey("tenant_id", "grain", "bucket", "first_choice", "served")
    first_choice = models.TextField()
    served = models.TextField()
    requests = models.BigIntegerField()
    failed_over = models.BigIntegerField()
    cost_nano_usd = models.BigIntegerField()
    # Of those that failed over and were served. The database's default is for a shipper of the version before.
    rescues = models.BigIntegerField(db_default=0)  # whose costs are in the next two: fewer than were, before they came
    rescue_nano_usd = models.BigIntegerField(db_default=0)  # what their failed attempts were billed
    rescues_unpriced = models.BigIntegerField(db_default=0)  # with a failed attempt that was billed nobody knows what

    class Meta:
        indexes = [models.Index(fields=["grain", "bucket"], name="flow_rollup_bucket")]


class StateRollup(Rollup):
    """In how many minutes a deployment was seen in a state other than fit; of all tenants together, or of one apart.

    Deployment '' and state "watched" count the minutes in which any worker looked: of the others nobody knows anything.
    """

    pk = models.CompositePrimaryKey("tenant_id", "grain", "bucket", "deployment", "state")
    deployment = models.TextField()
    state = models.TextField()
    minutes = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["grain", "bucket"], name="state_rollup_bucket")]


class LatencyRollup(Rollup):
    """How many durations of a metric fell into a slot of its logarithmic scale (`usage.scale`)."""

    # The metric first: a question is about one of them.
    pk = models.CompositePrimaryKey("tenant_id", "metric", "grain", "bucket", "provider", "model", "slot")
    metric = models.TextField()
    provider = models.TextField()
    model = models.TextField()
    slot = models.SmallIntegerField()
    requests = models.BigIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["metric", "grain", "bucket"], name="latency_rollup_bucket"),
            # Holds what a sum over all deployments needs, in one place: the rows themselves lie far apart.
            models.Index(
                fields=["tenant_id", "metric", "grain", "bucket", "slot", "requests"],
                condition=models.Q(provider="", model=""),
                name="latency_rollup_shared",
            ),
            # Likewise what deployments are compared by: the days of any zone but UTC are added up from hours.
            models.Index(
                fields=["metric", "grain", "bucket", "provider", "model", "slot", "requests"],
                condition=models.Q(tenant_id=ALL_TENANTS, provider__gt=""),
                name="latency_rollup_fine",
            ),
        ]


# What the shipper adds up of requests, each row of some tenant: kept, moved and forgotten with its requests. States are
# of deployments, and nobody's.
OF_REQUESTS: Final[tuple[type[Rollup], ...]] = (
    RequestRollup,
    KeyRollup,
    TagRollup,
    AttemptRollup,
    FlowRollup,
    LatencyRollup,
)
