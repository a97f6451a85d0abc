"""Mail: letters go out in the background, so that an answer's time tells nothing of whether one was sent.

The console backend prints each letter on the server's own standard output, for development; SMTP sends it. A letter
that cannot be sent is logged without its address: the person asks for another.
"""

import asyncio
import smtplib
import ssl
import sys
from dataclasses import dataclass
from email.message import EmailMessage

from app import observability
from app.settings import MailBackend, Settings


@dataclass(frozen=True, slots=True)
class Email:
    """One letter, in plain text."""

    to: str
    subject: str
    text: str


class Mail:
    """Where letters are posted."""

    def __init__(self, settings: Settings) -> None:
        """Take the backend from the settings."""
        self._settings = settings
        self._send = self._print if settings.mail is MailBackend.CONSOLE else self._transmit
        self._going: set[asyncio.Task[None]] = set()

    def send(self, letter: Email) -> None:
        """Send a letter in the background."""
        task = asyncio.get_running_loop().create_task(self._deliver(letter))
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    async def close(self) -> None:
        """Wait until every letter has gone."""
        await asyncio.gather(*self._going)

    async def _deliver(self, letter: Email) -> None:
        try:
            await asyncio.to_thread(self._send, letter)
        except (OSError, ValueError, smtplib.SMTPException) as error:
            observability.log_event("mail-failed", error=type(error).__name__)

    def _print(self, letter: Email) -> None:
        line = "-" * 60
        sys.stdout.write(f"\n{line}\nTo: {letter.to}\nSubject: {letter.subject}\n\n{letter.text}\n{line}\n")
        sys.stdout.flush()

    def _transmit(self, letter: Email) -> None:
        settings = self._settings
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = settings.mail_from, letter.to, letter.subject
        message.set_content(letter.text)
        with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=settings.smtp_seconds) as server:
            if settings.smtp_starttls:
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            server.send_message(message, to_addrs=letter.to)  # a header would decode =?utf-8?q?…?= to another address
