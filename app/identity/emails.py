"""The e-mails that identity sends. A request for a code sends an e-mail even if there is no account."""

from datetime import datetime

from app.mail import Email


def registration_code(to: str, code: str, seconds: int) -> Email:
    """Return the e-mail with the code that completes a registration; `seconds` is the code's lifetime."""
    text = (
        f"Code: {code}\n\n"
        f"Enter this code in the app to complete your registration. It is valid for {seconds // 60} minutes.\n"
        "If you did not register, you can ignore this e-mail."
    )
    return Email(to, "Your Afterglow code", text, seconds)


def already_registered(to: str) -> Email:
    """Return the e-mail for a registration of an e-mail address that has an account."""
    text = (
        "Someone, perhaps you, tried to register this e-mail address with Afterglow. It already has an account, and\n"
        "nothing was changed. To sign in, use your password, or request a password reset.\n"
        "If this was not you, you can ignore this e-mail."
    )
    return Email(to, "You already have an Afterglow account", text)


def reset_code(to: str, code: str, seconds: int) -> Email:
    """Return the e-mail with the code for a password reset; `seconds` is the code's lifetime."""
    text = (
        f"Code: {code}\n\n"
        f"Enter this code in the app, together with a new password. It works once, for {seconds // 60} minutes.\n"
        "If you did not request a password reset, you can ignore this e-mail. Your password has not changed."
    )
    return Email(to, "Reset your Afterglow password", text, seconds)


def no_account(to: str) -> Email:
    """Return the e-mail for a password reset of an e-mail address without an account."""
    text = (
        "Someone, perhaps you, requested a password reset for this e-mail address. It has no account with Afterglow:\n"
        "if you have one, it uses another e-mail address.\n"
        "If this was not you, you can ignore this e-mail."
    )
    return Email(to, "Reset your Afterglow password", text)


def email_code(to: str, code: str, seconds: int) -> Email:
    """Return the e-mail with the code that makes `to` an account's e-mail address; `seconds` is the code's lifetime."""
    text = (
        f"Code: {code}\n\n"
        f"Enter this code in the app to use this e-mail address for your Afterglow account. It is valid for {seconds // 60} minutes.\n"
        "If you did not request this, you can ignore this e-mail."
    )
    return Email(to, "Your Afterglow code", text, seconds)


def email_taken(to: str) -> Email:
    """Return the e-mail for a change to an e-mail address that another account has."""
    text = (
        "Someone, perhaps you, tried to use this e-mail address for another Afterglow account. It already has an account,\n"
        "and nothing was changed.\n"
        "If this was not you, you can ignore this e-mail."
    )
    return Email(to, "You already have an Afterglow account", text)


def email_change_requested(to: str) -> Email:
    """Return the notice to an account's current e-mail address that a change to another one was requested."""
    text = (
        "A change of the e-mail address of your Afterglow account was requested on one of your devices, with your password.\n"
        "If this was not you, change your password in the app now: this cancels the change, and signs out every other device."
    )
    return Email(to, "A change of your Afterglow e-mail address", text)


def closed(to: str, code: str, erase_at: datetime, now: datetime) -> Email:
    """Return the e-mail with the code that reopens a closed account until `erase_at`."""
    text = (
        f"Code: {code}\n\n"
        f"Your Afterglow account is closed, and will be erased with everything in it on {_moment(erase_at)}.\n"
        "To keep it, enter this code and your e-mail address in the app before then. After that it cannot be restored."
    )
    return Email(to, "Your Afterglow account is closed", text, int((erase_at - now).total_seconds()))


def reopened(to: str) -> Email:
    """Return the notice that a closed account was reopened."""
    text = (
        "Your Afterglow account is open again, and will not be erased.\n"
        "If this was not you, change your password, and make sure that nobody else can read your e-mail."
    )
    return Email(to, "Your Afterglow account is open again", text)


def erased(to: str) -> Email:
    """Return the notice that an account was erased."""
    text = (
        "Your Afterglow account and everything in it were erased. They cannot be restored.\n"
        "This e-mail address can be used to register again."
    )
    return Email(to, "Your Afterglow account was erased", text)


def _moment(instant: datetime) -> str:
    return f"{instant.day} {instant:%B %Y, %H:%M} UTC"
