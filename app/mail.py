"""Sends e-mails. They are queued as jobs, so that none is lost and no response waits for a mail server.

The console backend, for development, prints each e-mail on the server's standard output. The SMTP backend sends it. An
e-mail that cannot be sent is retried for 24 hours, or until the code in it has expired. Log lines about an e-mail
contain the id of its job.
"""

import asyncio
import smtplib
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from app import clock, observability
from app.db import Transaction
from app.ids import new_id
from app.jobs import Job, JobRejectedError, Jobs
from app.settings import MailBackend, Settings

KIND: Final = "e-mail"
MAX_SENDING: Final = 8
"""The maximum number of e-mails that one process sends at the same time."""
_COMMANDS: Final = 10
"""The maximum number of replies of the SMTP server that one e-mail needs; `smtp_seconds` limits the wait for each."""


@dataclass(frozen=True, slots=True)
class Email:
    """One e-mail, in plain text. If it contains a code, `expires_in` is the code's lifetime, in seconds."""

    to: str
    subject: str
    text: str
    expires_in: int | None = None


def _payload(email: Email) -> dict[str, str]:
    """Return the payload of the job that sends an e-mail. It lacks `expires_in`, which is stored as the job's maximum
    age.
    """
    return {"to": email.to, "subject": email.subject, "text": email.text}


class Mailer:
    """Queues e-mails, and sends them."""

    def __init__(self, settings: Settings, jobs: Jobs) -> None:
        """Take the backend from the settings, and register `deliver` as the handler of e-mail jobs."""
        self._settings, self._jobs = settings, jobs
        self._send = self._print if settings.mail is MailBackend.CONSOLE else self._transmit
        self._threads = ThreadPoolExecutor(MAX_SENDING, "mail")
        jobs.register(KIND, self.deliver, max_seconds=60 + _COMMANDS * settings.smtp_seconds)

    async def queue(self, tx: Transaction, email: Email) -> None:
        """Queue an e-mail as a job, in the caller's transaction. The caller must call `Jobs.wake` after the commit."""
        age = {} if email.expires_in is None else {"max_age": timedelta(seconds=email.expires_in)}
        await self._jobs.add(tx, KIND, _payload(email), **age)

    async def deliver(self, job: Job) -> None:
        """Send the e-mail of a job; raise `JobRejectedError` if the mail server refuses it permanently."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._send, job)
        except smtplib.SMTPRecipientsRefused as error:
            if all(code >= HTTPStatus.INTERNAL_SERVER_ERROR for code, _ in error.recipients.values()):
                raise JobRejectedError from error
            raise
        except smtplib.SMTPDataError as error:
            if error.smtp_code >= HTTPStatus.INTERNAL_SERVER_ERROR:  # RFC 5321, 4.2.1: 5yz is permanent
                raise JobRejectedError from error
            raise

    async def send_once(self, email: Email) -> bool:
        """Send an e-mail now, without storing it and without a retry. Return whether it was sent; log a failure."""
        job = Job(new_id(), _payload(email), clock.now())
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._send, job)
        except Exception as error:  # noqa: BLE001 - no failure of an e-mail may stop the caller
            observability.log_event("e-mail-dropped", "error", job_id=job.id, error=type(error).__name__)
            return False
        return True

    def close(self) -> None:
        """Shut down the thread pool without waiting for its threads."""
        self._threads.shutdown(wait=False)

    def _print(self, job: Job) -> None:
        email, line = Email(**job.payload), "-" * 60
        sys.stdout.write(f"\n{line}\nTo: {email.to}\nSubject: {email.subject}\n\n{email.text}\n{line}\n")
        sys.stdout.flush()

    def _transmit(self, job: Job) -> None:
        settings, email = self._settings, Email(**job.payload)
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = settings.mail_from, email.to, email.subject
        message["Date"] = format_datetime(job.created_at)
        message["Message-ID"] = f"<{job.id}@{urlsplit(settings.issuer).hostname}>"  # the same at every attempt
        message.set_content(email.text)
        with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=settings.smtp_seconds) as server:
            if settings.smtp_starttls:
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            server.send_message(
                message, to_addrs=email.to
            )  # taken from the header, =?utf-8?q?…?= would be decoded to another e-mail address
