"""The example requests and responses of identity. They use the demo person's account, to run on the demo.

The examples of a registration use another person, because the demo person already has an account.
"""

from typing import Final

from app.openapi import Example

REGISTRATION: Final[Example] = {
    "email": "marit@example.com",
    "password": "a-lamp-in-the-car",
    "display_name": "Marit",
    "timezone": "Europe/Amsterdam",
    "locale": "en",
    "region": "NL",
}
ACCEPTED: Final[Example] = {
    "message": "If the e-mail address is valid for this request, an e-mail with a code is on its way."
}
VERIFICATION: Final[Example] = {"email": "marit@example.com", "code": "204816"}
LOGIN: Final[Example] = {
    "email": "ilse@example.com",
    "password": "one-quiet-morning",
    "device_name": "My phone",
}
REFRESH: Final[Example] = {"refresh_token": "YW4gZXhhbXBsZSBvZiBhIHRva2VuLCAzMiBieXRlcyA"}
PASSWORD: Final[Example] = {"current": "one-quiet-morning", "new": "one-quiet-morning"}
"""A change of the password. The new password is equal to the current one, so that the other examples still work."""
FORGOTTEN: Final[Example] = {"email": "ilse@example.com"}
RESET: Final[Example] = {"email": "ilse@example.com", "code": "7KQ2M-X9WDA", "new": "one-quiet-morning"}
EMAIL: Final[Example] = {"password": "one-quiet-morning", "email": "ilse.m@example.com"}
EMAIL_CONFIRMATION: Final[Example] = {"code": "4RT8N-W2CHJ"}
REOPENING: Final[Example] = {"email": "ilse@example.com", "code": "9TB4R-C2HJE"}
ACCOUNT: Final[Example] = {
    "id": "019aa2c4-7b00-7000-8000-0000000000aa",
    "email": "ilse@example.com",
    "display_name": "Ilse",
    "timezone": "Europe/Amsterdam",
    "locale": "en",
    "region": "NL",
    "role": "person",
    "created_at": "2026-11-19T08:02:41.118302Z",
    "updated_at": "2026-11-19T08:02:41.118302Z",
}
ACCOUNT_WITH_USAGE: Final[Example] = {
    **ACCOUNT,
    "usage": {
        "records": {"used": 34, "limit": 200_000},
        "document_bytes": {"used": 21_408, "limit": 2**30},
        "remembered_operations": {"used": 12, "limit": 500_000},
        "devices": {"used": 2, "limit": 50},
    },
}
ME_PATCH: Final[Example] = {"display_name": "Ilse M.", "timezone": "Europe/Lisbon"}
TOKEN_PAIR: Final[Example] = {
    "access_token": "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIwMTlhYTJjNCJ9.c2lnbmVkLCBhcyBhbiBleGFtcGxl",
    "token_type": "Bearer",
    "expires_in": 600,
    "refresh_token": "dGhlIG5leHQgdG9rZW4gb2YgYW4gZXhhbXBsZSwgb2s",
    "account": ACCOUNT,
}
SECOND_FACTOR: Final[Example] = {"password": "one-quiet-morning"}
SECOND_FACTOR_CODE: Final[Example] = {"code": "492039"}
SECOND_FACTOR_REMOVAL: Final[Example] = {"password": "another-quiet-morning", "code": "492039"}
"""Turning the second factor off. The password is wrong, so that this example always fails, and changes nothing."""
TICKET: Final[Example] = {"ticket": "c2VhbGVkLCBhcyBhbiBleGFtcGxl"}
SECOND_FACTOR_LOGIN: Final[Example] = {**TICKET, **SECOND_FACTOR_CODE}
SECOND_FACTOR_STATE: Final[Example] = {
    "enabled": True,
    "enabled_at": "2026-11-20T19:12:03.650114Z",
    "recovery_codes": 10,
}
SECOND_FACTOR_SETUP: Final[Example] = {
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "uri": "otpauth://totp/Afterglow:ilse%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Afterglow",
}
RECOVERY_CODES: Final[Example] = {"recovery_codes": ["7KQ2M-X9WDA", "4RT8N-W2CHJ", "9TB4R-C2HJE"]}
SECOND_FACTOR_TOKENS: Final[Example] = {**TOKEN_PAIR, "recovery_codes": None}
DEVICE: Final[Example] = {
    "id": "019aa2c4-7b00-7000-8000-0000000000dd",
    "name": "My phone",
    "created_at": "2026-11-22T18:31:07.730225Z",
    "last_used_at": "2026-11-22T18:40:12.504118Z",
    "current": True,
}
DEVICES: Final[Example] = {"items": [DEVICE]}
PUBLIC_KEY: Final[Example] = {
    "crv": "P-256",
    "kty": "EC",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "kid": "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
    "alg": "ES256",
    "use": "sig",
}
NEXT_PUBLIC_KEY: Final[Example] = {
    "crv": "P-256",
    "kty": "EC",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    "kid": "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s",
    "alg": "ES256",
    "use": "sig",
}
PUBLIC_KEYS: Final[Example] = {"keys": [PUBLIC_KEY, NEXT_PUBLIC_KEY]}
