"""Buckets: the counters that throttling uses. A bucket has a key, a limit and a period in seconds.

An account's bucket has an HMAC of the e-mail address as its key, whether or not the account exists. A network's bucket
has an HMAC of the network, which is a single IPv4 address or a /64 of IPv6. A device that has signed in to the account
before has buckets of its own, so that another person's failures cannot lock the owner out.
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
    """The purpose of an e-mailed code. Wrong codes are counted separately for each purpose."""

    REGISTRATION = "registration code"
    RESET = "reset code"
    EMAIL = "e-mail change code"
    REOPENING = "reopening code"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A counter, which allows `limit` attempts or requests in `seconds` seconds.

    Audit events contain `kind`, which says what is counted, and a hash of `network`, which is None if the bucket counts
    attempts from all networks.
    """

    key: bytes
    limit: int
    seconds: int
    kind: str
    network: str | None = None


def of_account(services: Services, key: str) -> list[Bucket]:
    """Return the buckets of wrong passwords for an account.

    `key` is the account's normalized e-mail address (`fields.email_key`). The account need not exist.
    """
    return _short_and_daily(services, "account, password", key, "password")


def of_wrong_codes(services: Services, network: str, name: str, kind: CodeKind) -> list[Bucket]:
    """Return the buckets of wrong e-mailed codes that a network sends for an account.

    `name` is the account's normalized e-mail address (`fields.email_key`) or the account's id.
    """
    return _short_and_daily(services, f"{kind}, {network}", name, kind, network)


def of_code_requests(services: Services, network: str, owner: str) -> Bucket:
    """Return the bucket of a network's requests for an e-mailed code while the daily limit of new codes is reached.

    `owner` identifies the codes that share this limit: the name of their table, and the account's id or normalized
    e-mail address.
    """
    key = key_of(services.throttle_key, f"codes, {network}", owner)
    return Bucket(key, services.settings.codes_a_day, services.settings.code_seconds, "codes", network)


def digest_of(services: Services, network: str) -> bytes:
    """Return a keyed hash of a network, to be stored instead of the network."""
    return key_of(services.throttle_key, "network", network)


def of_device(services: Services, device_id: UUID) -> list[Bucket]:
    """Return the buckets of wrong passwords from a device that has signed in to the account before."""
    return _short_and_daily(services, "device", str(device_id), "password")


def of_second_factor(services: Services, id: UUID) -> list[Bucket]:
    """Return the buckets of wrong second-factor codes.

    `id` is the device's id if the device has signed in to the account before; otherwise it is the account's id.
    """
    return _short_and_daily(services, "second factor", str(id), "second factor")


def _short_and_daily(services: Services, name: str, value: str, kind: str, network: str | None = None) -> list[Bucket]:
    settings, secret = services.settings, services.throttle_key
    limit, seconds = settings.throttle_account, settings.throttle_account_seconds
    return [
        Bucket(key_of(secret, name, value), limit, seconds, kind, network),
        Bucket(key_of(secret, f"{name} by day", value), settings.throttle_account_day, DAY, kind, network),
    ]


def of_client(services: Services, network: str) -> list[Bucket]:
    """Return the bucket of a network's wrong passwords, codes and refresh tokens, for all accounts together."""
    key = key_of(services.throttle_key, "client", network)
    return [Bucket(key, services.settings.throttle_client, 60, "network", network)]


def of_refreshes(services: Services, network: str) -> list[Bucket]:
    """Return the bucket of `of_client` with the kind `refresh token`, which the audit events of wrong tokens contain.

    Wrong refresh tokens are counted together with the network's wrong passwords and codes.
    """
    return [replace(bucket, kind="refresh token") for bucket in of_client(services, network)]


def of_mail(services: Services, network: str) -> Bucket:
    """Return the bucket of a network's requests that send an e-mail."""
    return Bucket(
        key_of(services.throttle_key, "mail", network), services.settings.throttle_mail, HOUR, "e-mails", network
    )


def of_sign_ins(services: Services, network: str) -> Bucket:
    """Return the bucket of a network's requests to sign in, whether or not they succeed."""
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
    """Return the bucket of the access tokens that a clinic's client requests."""
    key = key_of(services.throttle_key, "tokens", str(client_id))
    return Bucket(key, services.settings.throttle_tokens, 60, "client tokens")


def of_bulk_exports(services: Services, client_id: UUID) -> Bucket:
    """Return the rate limit's bucket that counts the bulk exports a clinic's client starts."""
    key = key_of(services.throttle_key, "bulk exports", str(client_id))
    return Bucket(key, services.settings.throttle_exports, HOUR, "bulk exports")


def of_clinic_codes(services: Services, network: str, account_id: UUID | None = None) -> list[Bucket]:
    """Return the buckets of wrong clinic codes from a network and, if `account_id` is given, from that account."""
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
    """Return the key of a bucket: an HMAC of what is counted (`kind`) and for whom (`value`)."""
    return hmac.digest(throttle_key, f"{kind}:{value}".encode(), hashlib.sha256)
