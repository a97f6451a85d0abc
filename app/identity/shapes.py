"""The shapes of signing in: what comes in, and what goes out."""

from typing import Annotated

from pydantic import MISSING, BaseModel, ConfigDict, Field

from app.clock import Instant, Timezone
from app.identity import examples
from app.identity.fields import EmailAddress, GivenPassword, HeldToken, Locale, Name, Password
from app.identity.tables import Role
from app.ids import Id
from app.openapi import example


class Shape(BaseModel):
    """What every body of signing in refuses: members that it does not know."""

    model_config = ConfigDict(extra="forbid")


class RegistrationDraft(Shape, json_schema_extra=example(examples.REGISTRATION)):
    """Somebody who would like an account."""

    email: EmailAddress = Field(description="The address that the code is mailed to.")
    password: Password = Field(description="8 to 256 characters of any script, taken exactly as sent; no common one.")
    display_name: Name | None = Field(None, description="How the person likes to be called.")
    timezone: Timezone = Field("UTC", description="IANA time zone, the default of what the person writes.")
    locale: Locale = Field("en", description="Language tag (BCP 47).")


class VerificationDraft(Shape, json_schema_extra=example(examples.VERIFICATION)):
    """An address and the code that was mailed to it."""

    email: EmailAddress = Field(description="The address that was registered.")
    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")] = Field(description="The six digits from the mail.")


class LoginDraft(Shape, json_schema_extra=example(examples.LOGIN)):
    """An address and its password."""

    email: EmailAddress = Field(description="The account's address, in any case.")
    password: GivenPassword = Field(description="The account's password.")
    device_name: Name | None = Field(None, description="What the person calls this device; shown in the device list.")
    refresh_token: HeldToken | None = Field(
        None,
        description="The last refresh token that this device held for the account, if any. Its tries are then counted "
        "apart, so that nobody else's wrong tries can lock the owner out.",
    )


class RefreshDraft(Shape, json_schema_extra=example(examples.REFRESH)):
    """The newest refresh token of a device."""

    refresh_token: HeldToken = Field(description="The `refresh_token` of the last answer. It works once.")


class PasswordDraft(Shape, json_schema_extra=example(examples.PASSWORD)):
    """The present password, and a new one."""

    current: GivenPassword = Field(description="The present password.")
    new: Password = Field(description="8 to 256 characters of any script, taken exactly as sent; no common one.")


class ForgottenDraft(Shape, json_schema_extra=example(examples.FORGOTTEN)):
    """An address whose password was forgotten."""

    email: EmailAddress = Field(description="The account's address.")


class ResetDraft(Shape, json_schema_extra=example(examples.RESET)):
    """The code that was mailed to an address, and a new password."""

    email: EmailAddress = Field(description="The account's address.")
    code: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{10,20}$")] = Field(
        description="The ten characters from the mail, in either case, with or without hyphens."
    )
    new: Password = Field(description="8 to 256 characters of any script, taken exactly as sent; no common one.")


class MePatch(Shape, json_schema_extra=example(examples.ME_PATCH)):
    """A change of one's own account."""

    display_name: Annotated[Name | MISSING | None, Field(description="How the person likes to be called.")] = MISSING
    timezone: Annotated[Timezone | MISSING, Field(description="IANA time zone.")] = MISSING
    locale: Annotated[Locale | MISSING, Field(description="Language tag (BCP 47).")] = MISSING


class Account(BaseModel, defer_build=True, json_schema_extra=example(examples.ACCOUNT)):
    """One's own account."""

    id: Id = Field(description="The account's id.")
    email: str = Field(description="The account's address.")
    display_name: str | None = Field(description="How the person likes to be called.")
    timezone: str = Field(description="IANA time zone, the default of what the person writes.")
    locale: str = Field(description="Language tag (BCP 47).")
    role: Role = Field(description="What kind of caller this is. Every role owns only its own records.")
    created_at: Instant = Field(description="When the account was verified.")
    updated_at: Instant = Field(description="When the account last changed.")


class TokenPair(BaseModel, defer_build=True, json_schema_extra=example(examples.TOKEN_PAIR)):
    """What a signed-in device holds."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`.")
    token_type: str = Field(description="Always `Bearer`.")
    expires_in: int = Field(description="Seconds until the access token ends.")
    refresh_token: str = Field(description="Gets the next pair, once. Keep it where other apps cannot read it.")
    account: Account = Field(description="Who is signed in.")


class Accepted(BaseModel, defer_build=True, json_schema_extra=example(examples.ACCEPTED)):
    """What every registration is answered with."""

    message: str = Field(description="What happens next.")


class Device(BaseModel, defer_build=True, json_schema_extra=example(examples.DEVICE)):
    """A device that is signed in."""

    id: Id = Field(description="The device's id.")
    name: str | None = Field(description="The name it gave itself.")
    created_at: Instant = Field(description="When it signed in.")
    last_used_at: Instant = Field(description="When it last refreshed its tokens.")
    current: bool = Field(description="Whether it is the one that asks.")


class DeviceList(BaseModel, defer_build=True, json_schema_extra=example(examples.DEVICES)):
    """The devices that are signed in, newest first."""

    items: list[Device] = Field(description="The devices.")


class PublicKey(BaseModel, defer_build=True, json_schema_extra=example(examples.PUBLIC_KEY)):
    """A public key on the curve P-256 (RFC 7517)."""

    crv: str = Field(description="Always `P-256`.")
    kty: str = Field(description="Always `EC`.")
    x: str = Field(description="The point's first coordinate.")
    y: str = Field(description="The point's second coordinate.")
    kid: str = Field(description="The key's id, as in a token's header.")
    alg: str = Field(description="Always `ES256`.")
    use: str = Field(description="Always `sig`.")


class PublicKeys(BaseModel, defer_build=True, json_schema_extra=example(examples.PUBLIC_KEYS)):
    """The keys that access tokens are verified with (RFC 7517)."""

    keys: list[PublicKey] = Field(description="The keys; a token's `kid` says which.")
