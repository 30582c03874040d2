"""What can go wrong with the record of what happened."""

from providers.errors import GatewayError


class JournalUnavailable(GatewayError):
    """The outcome could not be made durable: the disk is full, read-only or broken; `message` says which."""

    status, code = 503, "journal_unavailable"


class WorkerDied(GatewayError):
    """The worker was killed while it answered: nobody was told, and only the record says so."""

    status, code = 500, "worker_died"


class SpoolBusy(Exception):
    """Another shipper holds this spool."""
