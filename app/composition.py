"""Builds the services of a server or of a command from the settings."""

from functools import partial
from typing import Final

from app.archive.importing import MAX_IMPORTS
from app.clinics.caller import Clients
from app.clinics.key_urls import KeyUrls
from app.consents import ending
from app.db import Database
from app.identity.passwords import Passwords
from app.identity.tokens import Tokens
from app.jobs import Jobs
from app.keyring import Keyring
from app.leaving import erasing
from app.library import Library
from app.mail import Mailer
from app.metrics import Counts
from app.outbound import Outbound
from app.sealing import Cipher, DataKeys
from app.server.in_flight import InFlightLimiter
from app.server.slots import Slots
from app.server.turns import Turns
from app.services import Services
from app.settings import Environment, Settings
from app.webhooks import delivering

MAX_EXPORTS: Final = 4
"""The maximum number of exports that a worker sends at the same time."""
MAX_BULK_EXPORTS: Final = 16
"""The maximum number of bulk export files that a worker sends at the same time."""


def build_services(
    settings: Settings,
    db: Database,
    keyring: Keyring,
    limiter: InFlightLimiter | None = None,
    counts: Counts | None = None,
) -> Services:
    """Return the services of a server or of a command, and register the handlers of jobs.

    A server passes its `limiter` and `counts`. A command omits them and gets new ones. Nothing is started yet.
    """
    jobs = Jobs(db, Cipher(keyring.derive_key("jobs")))
    outbound = Outbound(allow_loopback=settings.env is Environment.DEVELOPMENT)
    services = Services(
        settings=settings,
        db=db,
        jobs=jobs,
        mailer=Mailer(settings, jobs),
        keyring=keyring,
        data_keys=DataKeys(db, keyring),
        library=Library.from_settings(settings),
        tokens=Tokens(settings, keyring),
        clients=Clients(db, KeyUrls(outbound)),
        passwords=Passwords(settings),
        outbound=outbound,
        cursor_key=keyring.derive_key("cursors"),
        code_key=keyring.derive_key("codes"),
        refresh_key=keyring.derive_key("refresh tokens"),
        throttle_key=keyring.derive_key("throttles"),
        second_factor_key=keyring.derive_key("second factors"),
        ticket_key=keyring.derive_key("second-factor tickets"),
        op_key=keyring.derive_key("operations"),
        webhook_key=keyring.derive_key("webhooks"),
        limiter=limiter or InFlightLimiter(),
        counts=counts or Counts(),
        exports=Slots(MAX_EXPORTS),
        bulk_exports=Slots(MAX_BULK_EXPORTS),
        imports=Slots(MAX_IMPORTS),
        searching=set(),
        writes=Turns(settings.statement_seconds),
        pushes=Turns(settings.statement_seconds),
    )
    jobs.register(erasing.KIND, partial(erasing.run_job, services), max_seconds=60)
    jobs.repeat(partial(ending.expire, services), ending.SECONDS)
    jobs.repeat(partial(delivering.run, services), delivering.SECONDS)
    return services
