"""E-mail through the server that the settings name; in the demo, into the folder that its mailbox page reads."""

import smtplib
import socket
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parseaddr
from threading import Timer
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from outbox.carriers import CarrierDown, CarrierRefused, NotThisOneNow
from outbox.models import Message
from outbox.rules.registry import Words


@dataclass(frozen=True, slots=True)
class Smtp:
    """``seconds`` bound the whole hand-over: a loss waits no longer for a server that dawdles."""

    batch: int = 1
    seconds: float = 5

    def hand_over(self, message: Message, words: Words) -> str | None:
        """One plain-text letter, its Message-ID made of the reference so that a second copy can be told."""
        assert message.recipient_user is not None
        stop_at = monotonic() + self.seconds
        host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
        connection = get_connection(timeout=self.seconds)
        letter = EmailMessage(
            subject=words.subject,
            body=f"{words.body}\n\n{settings.SITE_URL}{words.path}\n\n{words.why}\n",
            to=[message.recipient_user.email],
            headers={"Message-ID": f"<{message.reference}@{host}>"},
            connection=connection,
        )
        try:
            connection.open()
        except OSError as error:
            # Not yet said anything: nothing can have been accepted. smtplib's exceptions are OSErrors too.
            raise CarrierDown from error
        if monotonic() >= stop_at:
            _hang_up(connection)
            _close(connection)
            raise CarrierDown
        # Each of a server's answers has its own time-out; together they have this one.
        too_late = Timer(stop_at - monotonic(), _hang_up, [connection])
        too_late.daemon = True
        too_late.start()
        try:
            letter.send()
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused) as error:
            raise _refusal(error) from error
        except smtplib.SMTPResponseException as error:
            raise _down_or_refused(error.smtp_code) from error
        finally:
            _close(connection)
            too_late.cancel()
        return None

    def was_accepted(self, message: Message) -> bool | None:
        """Return none: SMTP cannot be asked."""
        return None


def _close(connection: Any) -> None:
    # It has been taken or not by now: a farewell that fails changes nothing.
    with suppress(OSError):
        connection.close()


def _hang_up(connection: Any) -> None:
    server = getattr(connection, "connection", None)
    if server is not None and server.sock is not None:
        with suppress(OSError):
            server.sock.shutdown(socket.SHUT_RDWR)


def _refusal(error: smtplib.SMTPException) -> Exception:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = next(iter(error.recipients.values()))[0]
        # 421 is the server's own farewell; any other 4xx is about this recipient: greylisted, or a mailbox that is full.
        return NotThisOneNow() if 400 <= code < 500 and code != 421 else _down_or_refused(code)
    return _down_or_refused(getattr(error, "smtp_code", 500))


def _down_or_refused(code: int) -> Exception:
    """4xx: not now; 5xx: never (RFC 5321, 4.2.1). Either way the server said that it did not take it."""
    return CarrierDown() if 400 <= code < 500 else CarrierRefused()
