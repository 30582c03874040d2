"""How does a message go out as an e-mail? Plain text, by the installation's own mail server, without a secret."""

import smtplib
import ssl
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from tenants.webhooks import Undelivered

SMTP: Final = "django.core.mail.backends.smtp.EmailBackend"
LONGEST_SUBJECT: Final = 150
NO_SERVER: Final = "no mail server is set: EMAIL_URL is empty"
PERMANENT: Final = range(500, 600)  # what SMTP does not want to see again
LOGIN: Final = range(530, 539)  # the server refuses us, not the message: that can be mended


def send(address: str, message: Mapping[str, Any], number: str) -> str:
    """What the server answered, in a word; raises `Undelivered`. The same `number` is the same e-mail, sent again."""
    if not settings.EMAIL_HOST:
        raise Undelivered(NO_SERVER)
    sender = settings.DEFAULT_FROM_EMAIL
    headers = {
        "Message-ID": f"<{number}@{sender.rpartition('@')[2].strip('> ')}>",
        "Auto-Submitted": "auto-generated",  # so that no answering machine answers
    }
    mail = EmailMessage(subject(message), body(message), sender, [address], headers=headers)
    mail.connection = get_connection(SMTP, timeout=settings.EMAIL_TIMEOUT)
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as exc:
        code, text = next(iter(exc.recipients.values()))
        raise _refused(code, text) from exc
    except smtplib.SMTPResponseException as exc:
        raise _refused(exc.smtp_code, exc.smtp_error) from exc
    except ssl.SSLCertVerificationError as exc:
        raise Undelivered(f"the mail server's certificate is not trusted: {exc.verify_message}") from exc
    except smtplib.SMTPNotSupportedError as exc:  # STARTTLS or a login, as EMAIL_URL asks for it
        raise Undelivered(f"the mail server cannot do what EMAIL_URL asks for: {exc}") from exc
    except (smtplib.SMTPException, OSError, ValueError) as exc:
        raise Undelivered(f"the mail server gave no answer ({type(exc).__name__})") from exc
    finally:
        mail.connection.close()  # Django leaves one open whose login was refused
    return "the mail server took it"


def subject(message: Mapping[str, Any]) -> str:
    """One line."""
    return f"[NeuroRoute] {' '.join(str(message['text']).split())}"[:LONGEST_SUBJECT]


def body(message: Mapping[str, Any]) -> str:
    """The text, what the figures are, and where to look."""
    lines = [str(message["text"]), ""]
    if message["event"] == "budget.threshold":
        unit = "USD" if message["unit"] == "usd" else message["unit"]
        lines.append(f"Spent: {message['spent']} of {message['limit']} {unit}")
        if message["resets_at"]:
            lines.append(f"Begins anew: {message['resets_at']}")
    if message.get("since"):
        lines.append(f"Since: {message['since']}")
    lines += [f"Page: {message['page']}"] if message.get("page") else []
    lines += ["", "Who is told of what is set in the admin of this NeuroRoute, under Alert receivers."]
    return "\n".join(lines) + "\n"


def _refused(code: int, text: bytes | str) -> Undelivered:
    said = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    for secret in filter(None, (settings.EMAIL_HOST_PASSWORD,)):
        said = said.replace(secret, "…")
    return Undelivered(f"SMTP {code}: {' '.join(said.split())}", permanent=code in PERMANENT and code not in LOGIN)
