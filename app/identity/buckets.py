"""Buckets: the counters of throttling. Each says what is counted for whom, how many are allowed, and in how many seconds.

Accounts are counted by an HMAC of the e-mail address, known and unknown alike; clients by their network, /32 of IPv4
and /64 of IPv6. A device that has signed in to the account before has buckets of its own, so that another person's
failures cannot lock the owner out.
"""

import hashlib
import hmac
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.services import Services

HOUR: Final = 3600
DAY: Final = 86_400


class CodeKind(StrEnum):
    """What a code is for; wrong attempts are counted separately for each kind."""

    REGISTRATION = "registration code"
    RESET = "reset code"
    EMAIL = "e-mail change code"
    REOPENING = "reopening code"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A counter: its key, its limit, its period in seconds, what it counts (`kind`), and for which network."""

    key: bytes
    limit: int
    seconds: int
    kind: str
    network: str | None = None


def of_account(services: Services, key: str) -> list[Bucket]:
    """Return the buckets of an account's password, whether or not it exists, by the key of its e-mail address."""
    return _short_and_daily(services, "account, password", key, "password")


def of_code(services: Services, network: str, name: str, kind: CodeKind) -> list[Bucket]:
    """Return the buckets of a network's attempts at the codes of an account: by the key of its e-mail address, or its id."""
    return _short_and_daily(services, f"{kind}, {network}", name, kind, network)


def of_codes(services: Services, network: str, owner: str) -> Bucket:
    """Return the bucket of the codes that a network requests for an owner after the owner's limit of a day."""
    key = key_of(services.throttle_key, f"codes, {network}", owner)
    return Bucket(key, services.settings.codes_a_day, services.settings.code_seconds, "codes", network)


def digest_of(services: Services, network: str) -> bytes:
    """Return a keyed hash of a network, to be stored instead of the network."""
    return key_of(services.throttle_key, "network", network)


def of_device(services: Services, device_id: UUID) -> list[Bucket]:
    """Return the buckets of a device that has signed in to the account before."""
    return _short_and_daily(services, "device", str(device_id), "password")


def of_second_factor(services: Services, id: UUID) -> list[Bucket]:
    """Return the buckets of an account's second factor, for a new device; or of a device that signed in to it before."""
    return _short_and_daily(services, "second factor", str(id), "second factor")


def _short_and_daily(services: Services, name: str, value: str, kind: str, network: str | None = None) -> list[Bucket]:
    settings, secret = services.settings, services.throttle_key
    limit, seconds = settings.throttle_account, settings.throttle_account_seconds
    return [
        Bucket(key_of(secret, name, value), limit, seconds, kind, network),
        Bucket(key_of(secret, f"{name} by day", value), settings.throttle_account_day, DAY, kind, network),
    ]


def of_client(services: Services, network: str) -> list[Bucket]:
    """Return the bucket of a client's network."""
    key = key_of(services.throttle_key, "client", network)
    return [Bucket(key, services.settings.throttle_client, 60, "network", network)]


def of_refreshes(services: Services, network: str) -> list[Bucket]:
    """Return the bucket of a client's network, for refresh tokens."""
    return [replace(bucket, kind="refresh token") for bucket in of_client(services, network)]


def of_mail(services: Services, network: str) -> Bucket:
    """Return the bucket of the requests of a network that cause an e-mail."""
    return Bucket(
        key_of(services.throttle_key, "mail", network), services.settings.throttle_mail, HOUR, "e-mails", network
    )


def of_sign_ins(services: Services, network: str) -> Bucket:
    """Return the bucket of a network's requests to sign in, right or wrong."""
    return Bucket(
        key_of(services.throttle_key, "sign-ins", network), services.settings.throttle_sign_in, 60, "sign-ins", network
    )


def of_exports(services: Services, account_id: UUID) -> Bucket:
    """Return the bucket of an account's exports."""
    return Bucket(
        key_of(services.throttle_key, "export", str(account_id)), services.settings.exports_a_day, DAY, "exports"
    )


def of_calendar(services: Services, link_id: UUID) -> Bucket:
    """Return the bucket of the requests for the calendar of one link."""
    key = key_of(services.throttle_key, "calendar", str(link_id))
    return Bucket(key, services.settings.throttle_calendar, HOUR, "calendar")


def of_assertions(services: Services, network: str) -> list[Bucket]:
    """Return the bucket of failed assertions from a network."""
    key = key_of(services.throttle_key, "assertions", network)
    return [Bucket(key, services.settings.throttle_client, 60, "assertion", network)]


def of_tokens(services: Services, client_id: UUID) -> Bucket:
    """Return the bucket of the access tokens of a clinic's client."""
    key = key_of(services.throttle_key, "tokens", str(client_id))
    return Bucket(key, services.settings.throttle_tokens, 60, "client tokens")


def of_bulk_exports(services: Services, client_id: UUID) -> Bucket:
    """Return the bucket of the bulk exports of a clinic's client."""
    key = key_of(services.throttle_key, "bulk exports", str(client_id))
    return Bucket(key, services.settings.throttle_exports, HOUR, "bulk exports")


def of_clinic_codes(services: Services, network: str, account_id: UUID | None = None) -> list[Bucket]:
    """Return the buckets of wrong codes of clinics: of a network, and of an account if there is one."""
    settings = services.settings
    buckets = [
        Bucket(
            key_of(services.throttle_key, "codes, client", network),
            settings.throttle_client,
            60,
            "clinic code",
            network,
        )
    ]
    if account_id is not None:
        key = key_of(services.throttle_key, "codes, account", str(account_id))
        buckets.append(Bucket(key, settings.throttle_codes, HOUR, "clinic code"))
    return buckets


def key_of(throttle_key: bytes, kind: str, value: str) -> bytes:
    """Return the key of a bucket: an HMAC of what it counts and of its owner."""
    return hmac.digest(throttle_key, f"{kind}:{value}".encode(), hashlib.sha256)
