"""The shapes of signing in: what comes in, and what goes out."""

import re
import unicodedata
from typing import Annotated, Final

from email_validator import EmailNotValidError, validate_email
from pydantic import MISSING, BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.clock import Instant, Timezone
from app.identity import examples
from app.identity.tables import Role
from app.ids import Id
from app.openapi import example

LONGEST_EMAIL: Final = 254
_language_tag = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?(?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*"
    r"(?:-[a-wy-z\d](?:-[a-z\d]{2,8})+)*(?:-x(?:-[a-z\d]{1,8})+)?",
    re.ASCII | re.IGNORECASE,
).fullmatch
_NO_NUL: Final = r"^[^\x00]*$"


def email_key(email: str) -> str:
    """Return what two spellings of one address have in common."""
    return unicodedata.normalize("NFC", email).casefold()


def _read_email(value: object) -> str:
    if isinstance(value, str) and len(value) <= LONGEST_EMAIL:
        try:
            validate_email(value, check_deliverability=False, test_environment=True)
        except (EmailNotValidError, UnicodeError):
            pass
        else:
            return value
    message = "Give an e-mail address of at most 254 characters."
    raise PydanticCustomError("email", message)


def _read_locale(value: object) -> str:
    if isinstance(value, str) and len(value) <= _LONGEST_LOCALE and _language_tag(value):
        return value
    message = "Give a language tag as BCP 47 has it, such as en or pt-BR."
    raise PydanticCustomError("locale", message)


_LONGEST_LOCALE: Final = 35
Email = Annotated[
    str,
    PlainValidator(_read_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": LONGEST_EMAIL}),
]
Locale = Annotated[
    str, PlainValidator(_read_locale), WithJsonSchema({"type": "string", "minLength": 2, "maxLength": _LONGEST_LOCALE})
]
Password = Annotated[str, Field(min_length=8, max_length=256, pattern=_NO_NUL)]
GivenPassword = Annotated[str, Field(min_length=1, max_length=256, pattern=_NO_NUL)]
Name = Annotated[str, Field(max_length=100, pattern=_NO_NUL)]


class Shape(BaseModel):
    """What every body of signing in refuses: members that it does not know."""

    model_config = ConfigDict(extra="forbid")


class RegistrationDraft(Shape, json_schema_extra=example(examples.REGISTRATION)):
    """Somebody who would like an account."""

    email: Email = Field(description="The address that the code is mailed to.")
    password: Password = Field(description="8 to 256 characters of any script, taken exactly as sent.")
    display_name: Name | None = Field(None, description="How the person likes to be called.")
    timezone: Timezone = Field("UTC", description="IANA time zone, the default of what the person writes.")
    locale: Locale = Field("en", description="Language tag (BCP 47).")


class VerificationDraft(Shape, json_schema_extra=example(examples.VERIFICATION)):
    """An address and the code that was mailed to it."""

    email: Email = Field(description="The address that was registered.")
    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")] = Field(description="The six digits from the mail.")


class LoginDraft(Shape, json_schema_extra=example(examples.LOGIN)):
    """An address and its password."""

    email: Email = Field(description="The account's address, in any case.")
    password: GivenPassword = Field(description="The account's password.")
    device_name: Name | None = Field(None, description="What the person calls this device; shown in the device list.")


class RefreshDraft(Shape, json_schema_extra=example(examples.REFRESH)):
    """The newest refresh token of a device."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=200, pattern=_NO_NUL)] = Field(
        description="The `refresh_token` of the last answer. It works once."
    )


class MePatch(Shape, json_schema_extra=example(examples.ME_PATCH)):
    """A change of one's own account."""

    display_name: Annotated[Name | MISSING | None, Field(description="How the person likes to be called.")] = MISSING
    timezone: Annotated[Timezone | MISSING, Field(description="IANA time zone.")] = MISSING
    locale: Annotated[Locale | MISSING, Field(description="Language tag (BCP 47).")] = MISSING


class Account(BaseModel, json_schema_extra=example(examples.ACCOUNT)):
    """One's own account."""

    id: Id = Field(description="The account's id.")
    email: str = Field(description="The account's address.")
    display_name: str | None = Field(description="How the person likes to be called.")
    timezone: str = Field(description="IANA time zone, the default of what the person writes.")
    locale: str = Field(description="Language tag (BCP 47).")
    role: Role = Field(description="What kind of caller this is. Every role owns only its own records.")
    created_at: Instant = Field(description="When the account was verified.")
    updated_at: Instant = Field(description="When the account last changed.")


class TokenPair(BaseModel, json_schema_extra=example(examples.TOKEN_PAIR)):
    """What a signed-in device holds."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`.")
    token_type: str = Field(description="Always `Bearer`.")
    expires_in: int = Field(description="Seconds until the access token ends.")
    refresh_token: str = Field(description="Gets the next pair, once. Keep it where other apps cannot read it.")
    account: Account = Field(description="Who is signed in.")


class Accepted(BaseModel, json_schema_extra=example(examples.ACCEPTED)):
    """What every registration is answered with."""

    message: str = Field(description="What happens next.")


class Device(BaseModel, json_schema_extra=example(examples.DEVICE)):
    """A device that is signed in."""

    id: Id = Field(description="The device's id.")
    name: str | None = Field(description="The name it gave itself.")
    created_at: Instant = Field(description="When it signed in.")
    last_used_at: Instant = Field(description="When it last refreshed its tokens.")
    current: bool = Field(description="Whether it is the one that asks.")


class DeviceList(BaseModel, json_schema_extra=example(examples.DEVICES)):
    """The devices that are signed in, newest first."""

    items: list[Device] = Field(description="The devices.")


class PublicKey(BaseModel, json_schema_extra=example(examples.PUBLIC_KEY)):
    """A public key on the curve P-256 (RFC 7517)."""

    crv: str = Field(description="Always `P-256`.")
    kty: str = Field(description="Always `EC`.")
    x: str = Field(description="The point's first coordinate.")
    y: str = Field(description="The point's second coordinate.")
    kid: str = Field(description="The key's id, as in a token's header.")
    alg: str = Field(description="Always `ES256`.")
    use: str = Field(description="Always `sig`.")


class PublicKeys(BaseModel, json_schema_extra=example(examples.PUBLIC_KEYS)):
    """The keys that access tokens are verified with (RFC 7517)."""

    keys: list[PublicKey] = Field(description="The keys; a token's `kid` says which.")
