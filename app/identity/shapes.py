"""The request and response shapes of identity."""

from typing import Annotated

from pydantic import MISSING, BaseModel, ConfigDict, Field, field_validator

from app.clock import Instant, Timezone
from app.identity import examples
from app.identity.fields import (
    EmailAddress,
    GivenPassword,
    HeldTicket,
    HeldToken,
    Locale,
    LongCode,
    Name,
    Password,
    Region,
    refuse_personal,
)
from app.identity.tables import Role
from app.ids import Id
from app.openapi import example


class Shape(BaseModel):
    """The base of request bodies: an unknown member is an error."""

    model_config = ConfigDict(extra="forbid")


class RegistrationDraft(Shape, json_schema_extra=example(examples.REGISTRATION)):
    """The values of a registration."""

    email: EmailAddress = Field(description="The e-mail address that the code is sent to.")
    password: Password = Field(
        description="8 to 256 characters of any script. Spaces and case are significant. Common passwords are refused."
    )
    display_name: Name | None = Field(None, description="The name that the person wants to be called by.")
    timezone: Timezone = Field("UTC", description="IANA time zone, the default of the person's records.")
    locale: Locale = Field("en", description="Language tag (BCP 47).")
    region: Region | None = Field(
        None,
        description="Country or territory (ISO 3166-1 alpha-2). The default is the region in `locale`, if it has one.",
    )
    _is_not_personal = field_validator("password")(refuse_personal)


class VerificationDraft(Shape, json_schema_extra=example(examples.VERIFICATION)):
    """An e-mail address and the code that was sent to it."""

    email: EmailAddress = Field(description="The registered e-mail address.")
    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")] = Field(description="The six digits from the e-mail.")


class LoginDraft(Shape, json_schema_extra=example(examples.LOGIN)):
    """An e-mail address and the account's password."""

    email: EmailAddress = Field(description="The account's e-mail address, in any case.")
    password: GivenPassword = Field(description="The account's password.")
    device_name: Name | None = Field(None, description="The name of the device, as shown in the list of devices.")
    refresh_token: HeldToken | None = Field(
        None,
        description="The last refresh token that this device held for the account, if any. Failures of the device are "
        "then counted separately, so that another person's failures cannot lock the owner out.",
    )


class RefreshDraft(Shape, json_schema_extra=example(examples.REFRESH)):
    """The newest refresh token of a device."""

    refresh_token: HeldToken = Field(description="The `refresh_token` of the last response. It is valid once.")


class SecondFactorDraft(Shape, json_schema_extra=example(examples.SECOND_FACTOR)):
    """The body of a request to set up a second factor. The account's password confirms it."""

    password: GivenPassword = Field(description="The account's password.")


class SecondFactorCode(Shape, json_schema_extra=example(examples.SECOND_FACTOR_CODE)):
    """A code from the authenticator app."""

    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")] = Field(description="The six digits that the app shows.")


class SecondFactorRemoval(Shape, json_schema_extra=example(examples.SECOND_FACTOR_REMOVAL)):
    """The account's password, and a code or recovery code."""

    password: GivenPassword = Field(description="The account's password.")
    code: LongCode = Field(description="The six digits that the authenticator app shows, or a recovery code.")


class TicketDraft(Shape, json_schema_extra=example(examples.TICKET)):
    """The ticket of a sign-in."""

    ticket: HeldTicket = Field(description="The `ticket` of a 401 `second-factor-required`.")


class SecondFactorLogin(TicketDraft, json_schema_extra=example(examples.SECOND_FACTOR_LOGIN)):
    """The ticket of a sign-in, and a code."""

    code: LongCode = Field(description="The six digits that the authenticator app shows, or a recovery code.")


class PasswordDraft(Shape, json_schema_extra=example(examples.PASSWORD)):
    """The current password and the new one."""

    current: GivenPassword = Field(description="The current password.")
    new: Password = Field(
        description="8 to 256 characters of any script. Spaces and case are significant. Common passwords are refused."
    )


class ForgottenDraft(Shape, json_schema_extra=example(examples.FORGOTTEN)):
    """The e-mail address of the account whose password is to be reset."""

    email: EmailAddress = Field(description="The account's e-mail address.")


class ResetDraft(Shape, json_schema_extra=example(examples.RESET)):
    """The code from the e-mail and a new password."""

    email: EmailAddress = Field(description="The account's e-mail address.")
    code: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{10,20}$")] = Field(
        description="The ten characters from the e-mail, in either case, with or without hyphens."
    )
    new: Password = Field(
        description="8 to 256 characters of any script. Spaces and case are significant. Common passwords are refused."
    )
    _is_not_personal = field_validator("new")(refuse_personal)


class EmailDraft(Shape, json_schema_extra=example(examples.EMAIL)):
    """A new e-mail address for the account, and the account's password."""

    password: GivenPassword = Field(description="The account's password.")
    email: EmailAddress = Field(description="The new e-mail address, which the code is sent to.")


class EmailConfirmation(Shape, json_schema_extra=example(examples.EMAIL_CONFIRMATION)):
    """The code that was sent to the new e-mail address."""

    code: LongCode = Field(description="The ten characters from the e-mail, in either case, with or without hyphens.")


class ReopeningDraft(Shape, json_schema_extra=example(examples.REOPENING)):
    """The e-mail address of a closed account, and the code that was sent to it."""

    email: EmailAddress = Field(description="The account's e-mail address.")
    code: LongCode = Field(description="The ten characters from the e-mail, in either case, with or without hyphens.")


class MePatch(Shape, json_schema_extra=example(examples.ME_PATCH)):
    """A change of the caller's account (RFC 7396): an absent member is unchanged."""

    display_name: Annotated[
        Name | MISSING | None, Field(description="The name that the person wants to be called by.")
    ] = MISSING
    timezone: Annotated[Timezone | MISSING, Field(description="IANA time zone.")] = MISSING
    locale: Annotated[Locale | MISSING, Field(description="Language tag (BCP 47).")] = MISSING
    region: Annotated[Region | MISSING | None, Field(description="Country or territory (ISO 3166-1 alpha-2).")] = (
        MISSING
    )


class Account(BaseModel, defer_build=True, json_schema_extra=example(examples.ACCOUNT)):
    """An account, as its owner sees it."""

    id: Id = Field(description="The account's id.")
    email: str = Field(description="The account's e-mail address.")
    display_name: str | None = Field(description="The name that the person wants to be called by.")
    timezone: str = Field(description="IANA time zone, the default of the person's records.")
    locale: str = Field(description="Language tag (BCP 47).")
    region: str | None = Field(description="Country or territory (ISO 3166-1 alpha-2), or null if it is not known.")
    role: Role = Field(description="The account's role. Every role owns only its own records.")
    created_at: Instant = Field(description="When the account was verified.")
    updated_at: Instant = Field(description="When the account last changed.")


class Used(BaseModel, defer_build=True):
    """The usage and the limit of one quota."""

    used: Annotated[int, Field(ge=0, lt=2**53)] = Field(description="The account's current usage.")
    limit: Annotated[int, Field(ge=1, lt=2**53)] = Field(description="The maximum usage.")


class Usage(BaseModel, defer_build=True):
    """The usage and the limit of each quota of an account."""

    records: Used = Field(description="Records of all kinds, without removed ones.")
    document_bytes: Used = Field(description="Bytes of all encrypted records, without former versions.")
    remembered_operations: Used = Field(
        description="Results of pushed operations with an `op_id`. They are deleted after 400 days, unless the server is "
        "configured otherwise."
    )
    devices: Used = Field(description="Devices that are signed in.")


class AccountWithUsage(Account, json_schema_extra=example(examples.ACCOUNT_WITH_USAGE)):
    """An account, as its owner sees it, and its usage."""

    usage: Usage = Field(description="The usage and the limit of each quota. Expect new members.")


class TokenPair(BaseModel, defer_build=True, json_schema_extra=example(examples.TOKEN_PAIR)):
    """The tokens of a signed-in device."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`.")
    token_type: str = Field(description="Always `Bearer`.")
    expires_in: int = Field(ge=1, le=3600, description="Seconds until the access token expires.")
    refresh_token: str = Field(description="Send it once to get new tokens. Other apps must not be able to read it.")
    account: Account = Field(description="The account that is signed in.")


class SecondFactorTokens(TokenPair, json_schema_extra=example(examples.SECOND_FACTOR_TOKENS)):
    """The tokens of a device that was signed in with a second factor."""

    recovery_codes: list[str] | None = Field(
        description="The recovery codes if this sign-in turned the second factor on, otherwise null. Shown only once."
    )


class SecondFactorState(BaseModel, defer_build=True, json_schema_extra=example(examples.SECOND_FACTOR_STATE)):
    """The second factor of an account."""

    enabled: bool = Field(description="Whether a sign-in needs a code.")
    enabled_at: Instant | None = Field(description="When the second factor was turned on; null if it is off.")
    recovery_codes: int = Field(ge=0, le=10, description="The number of unused recovery codes.")


class SecondFactorSetup(BaseModel, defer_build=True, json_schema_extra=example(examples.SECOND_FACTOR_SETUP)):
    """A secret for an authenticator app."""

    secret: str = Field(description="The secret, in Base32 (RFC 4648), to type into the app.")
    uri: str = Field(description="The secret as an `otpauth:` URI, to show as a QR code.")


class RecoveryCodes(BaseModel, defer_build=True, json_schema_extra=example(examples.RECOVERY_CODES)):
    """The recovery codes of an account."""

    recovery_codes: list[str] = Field(
        description="Ten codes, shown only once. Each can replace one code from the authenticator app."
    )


class Accepted(BaseModel, defer_build=True, json_schema_extra=example(examples.ACCEPTED)):
    """The response to a registration, and to a request for a password reset or for a change of the e-mail address."""

    message: str = Field(description="A sentence that says what happens next.")


class Device(BaseModel, defer_build=True, json_schema_extra=example(examples.DEVICE)):
    """A device that is signed in."""

    id: Id = Field(description="The device's id.")
    name: str | None = Field(description="The device's name, or null.")
    created_at: Instant = Field(description="When the device signed in.")
    last_used_at: Instant = Field(description="When the device last refreshed its tokens.")
    current: bool = Field(description="Whether this is the device that sends the request.")


class DeviceList(BaseModel, defer_build=True, json_schema_extra=example(examples.DEVICES)):
    """The signed-in devices, newest first."""

    items: list[Device] = Field(description="The devices.")


class PublicKey(BaseModel, defer_build=True, json_schema_extra=example(examples.PUBLIC_KEY)):
    """A public key on the curve P-256 (RFC 7517)."""

    crv: str = Field(description="Always `P-256`.")
    kty: str = Field(description="Always `EC`.")
    x: str = Field(description="The x coordinate of the point.")
    y: str = Field(description="The y coordinate of the point.")
    kid: str = Field(description="The key's id, as in the header of a token.")
    alg: str = Field(description="Always `ES256`.")
    use: str = Field(description="Always `sig`.")


class PublicKeys(BaseModel, defer_build=True, json_schema_extra=example(examples.PUBLIC_KEYS)):
    """The public keys that verify access tokens (RFC 7517)."""

    keys: list[PublicKey] = Field(description="The keys. A token's `kid` names its key.")
