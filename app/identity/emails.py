"""The letters: everything that is written to an address, each answering one request whatever the address is known for."""

from app.mail import Email


def welcome(to: str, code: str, minutes: int) -> Email:
    """Bring the code that ends a registration."""
    text = (
        f"Code: {code}\n\n"
        f"Type this code into the app to finish your registration. It works for {minutes} minutes.\n"
        "If you did not register, nothing happens: just leave this letter be."
    )
    return Email(to, "Your Afterglow code", text)


def welcome_back(to: str) -> Email:
    """Tell who registers anew that there is an account already."""
    text = (
        "Somebody, perhaps you, just registered this address with Afterglow. It already has an account, and nothing\n"
        "was changed. To get in, sign in with your password, or ask for a new one.\n"
        "If it was not you, just leave this letter be."
    )
    return Email(to, "You already have an Afterglow account", text)


def new_password(to: str, code: str, minutes: int) -> Email:
    """Bring the code that lets a new password be set."""
    text = (
        f"Code: {code}\n\n"
        f"Type this code into the app, together with a new password. It works once, for {minutes} minutes.\n"
        "If you did not ask for it, nothing happens: just leave this letter be."
    )
    return Email(to, "A new Afterglow password", text)


def no_account(to: str) -> Email:
    """Tell who forgot a password that there is no account here."""
    text = (
        "Somebody, perhaps you, asked for a new password for this address. It has no account with Afterglow: if you\n"
        "have one, it is under another address.\n"
        "If it was not you, nothing happens: just leave this letter be."
    )
    return Email(to, "A new Afterglow password", text)
