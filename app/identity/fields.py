"""The fields of identity: e-mail addresses, passwords, names, languages and regions, with their validation."""

import re
import unicodedata
from contextlib import suppress
from functools import cache
from importlib import resources
from typing import Annotated, Final

import idna
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.identity.common_passwords import is_common, is_personal

MAX_EMAIL_LENGTH: Final = 254
PERSONAL: Final = "Choose a password that does not consist of your e-mail address."
_LANGUAGE_TAG: Final = (
    "^(?:[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8})(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"
    "(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*(?:-[A-WY-Za-wy-z0-9](?:-[A-Za-z0-9]{2,8})+)*"
    "(?:-[Xx](?:-[A-Za-z0-9]{1,8})+)?$"
)
_language_tag = re.compile(_LANGUAGE_TAG.removesuffix("$")).fullmatch
_NO_NUL: Final = r"^[^\x00]*$"


def email_key(email: str) -> str:
    """Return the normalized form of an e-mail address, by which accounts are looked up.

    It is equal for e-mail addresses that differ only in case or in the encoding of the domain. The domain is encoded by
    IDNA 2008, so that `straße.example` and `strasse.example` are different domains, as in the DNS.
    """
    local, _, domain = unicodedata.normalize("NFC", email).rpartition("@")
    if not domain.isascii():
        with suppress(idna.IDNAError):  # an invalid domain is compared unchanged
            domain = idna.encode(domain, uts46=True).decode()
    return fold_case(f"{local}@{domain}")


def fold_case(text: str) -> str:
    """Return a text in Unicode's simple case folding, which replaces one character by one: `ß` does not become `ss`."""
    return unicodedata.normalize("NFC", "".join(map(_fold, text)))


def _fold(character: str) -> str:
    """Return the first of `casefold()`, `lower()` and the character itself that is a single character."""
    return next((each for each in (character.casefold(), character.lower()) if len(each) == 1), character)


def _read_email(value: object) -> str:
    value = value.strip(" \t\r\n") if isinstance(value, str) else value
    if isinstance(value, str) and len(value) <= MAX_EMAIL_LENGTH:
        try:
            validate_email(value, check_deliverability=False, test_environment=True)
        except (EmailNotValidError, UnicodeError):
            pass
        else:
            return value
    message = "Send an e-mail address of at most 254 characters."
    raise PydanticCustomError("email", message)


def _read_locale(value: object) -> str:
    if isinstance(value, str) and len(value) <= _MAX_LOCALE_LENGTH and _language_tag(value):
        return value
    message = "Send a language tag (BCP 47), such as en or pt-BR."
    raise PydanticCustomError("locale", message)


@cache
def regions() -> frozenset[str]:
    """Return the ISO 3166-1 alpha-2 codes of countries and territories, read from the IANA time zone database."""
    lines = resources.files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text("utf-8").splitlines()
    return frozenset(line[:2] for line in lines if not line.startswith("#"))


def region_of(locale: str) -> str | None:
    """Return the region in a language tag, such as `CH` in `de-Latn-CH`; None if it has no ISO 3166-1 region."""
    for part in locale.upper().split("-")[1:]:
        if len(part) == 1:  # an extension or a private part begins
            break
        if part in regions():
            return part
    return None


def _read_region(value: object) -> str:
    if isinstance(value, str) and value in regions():
        return value
    message = "Send the code of a country or territory (ISO 3166-1 alpha-2), such as DE."
    raise PydanticCustomError("region", message)


def _refuse_common(password: str) -> str:
    if is_common(password):
        message = "Choose a less common password."
        raise PydanticCustomError("common_password", message)
    return password


def refuse_personal(password: str, info: ValidationInfo) -> str:
    """Return the password; raise a validation error if it consists of parts of the e-mail address in the same body."""
    if is_personal(password, info.data.get("email", "")):
        raise PydanticCustomError("common_password", PERSONAL)
    return password


_MAX_LOCALE_LENGTH: Final = 35
EmailAddress = Annotated[
    str,
    PlainValidator(_read_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": MAX_EMAIL_LENGTH}),
]
Locale = Annotated[
    str,
    PlainValidator(_read_locale),
    WithJsonSchema({"type": "string", "minLength": 2, "maxLength": _MAX_LOCALE_LENGTH, "pattern": _LANGUAGE_TAG}),
]
Region = Annotated[
    str,
    PlainValidator(_read_region),
    WithJsonSchema({"type": "string", "minLength": 2, "maxLength": 2, "pattern": "^[A-Z]{2}$"}),
]
Password = Annotated[str, Field(min_length=8, max_length=256, pattern=_NO_NUL), AfterValidator(_refuse_common)]
GivenPassword = Annotated[str, Field(min_length=1, max_length=256, pattern=_NO_NUL)]
HeldToken = Annotated[str, Field(min_length=1, max_length=200, pattern=_NO_NUL)]
HeldTicket = Annotated[str, Field(min_length=1, max_length=2000, pattern=_NO_NUL)]
LongCode = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{6,20}$")]
Name = Annotated[str, Field(max_length=100, pattern=_NO_NUL)]
