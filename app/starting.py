"""Checks before the server starts, and start-up work in a child process."""

import errno
import multiprocessing
import socket
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import typer

from app.keyring import Keyring, KeyringError, exposed_message, ledger
from app.keyring.rotation import add_sealing_key, create_keyring
from app.settings import Environment, Settings

_NO_LISTENING: Final = {
    errno.EADDRINUSE: "the port is in use: stop the other server, or choose a port with {port}",
    errno.EACCES: "this user may not use the port: choose one above 1023 with {port}, or grant CAP_NET_BIND_SERVICE",
    errno.EAFNOSUPPORT: "this machine has no IPv6: choose an IPv4 address with {host}",
}


def prepare(settings: Settings) -> list[str]:
    """Return every reason why the server must not start. In development, first create a missing keyring or
    key-encryption key.

    Paths are the only values of settings that a reason contains.
    """
    reasons = settings.unsafe_reasons()
    if settings.env is Environment.DEVELOPMENT and not settings.keyring.exists():
        try:
            create_keyring(settings.keyring, generated=True)
        except FileExistsError:  # another process created it at the same moment
            pass
        except OSError as error:
            return [*reasons, f"AFTERGLOW_KEYRING names {settings.keyring}, which cannot be created ({error.strerror})"]
    try:
        keyring = Keyring(settings.keyring)
        if settings.env is Environment.DEVELOPMENT and not keyring.sealing_keys:
            add_sealing_key(settings.keyring, timedelta())
            keyring.reload()
        _ = keyring.sealing_key  # raises if there is none
    except KeyringError as error:
        return [*reasons, str(error)]
    if settings.env is Environment.PRODUCTION and keyring.generated:
        reasons.append(
            f"AFTERGLOW_KEYRING names {settings.keyring}, which a development start generated: create another file with "
            "`afterglow keys create FILE`"
        )
    if settings.env is Environment.PRODUCTION and not keyring.is_private:
        reasons.append(exposed_message(settings.keyring))
    if settings.env is Environment.PRODUCTION and not ledger.is_writable(settings.ledger_file):
        reasons.append(
            f"the ledger of erasures, {settings.ledger_file}, cannot be written by this user: set AFTERGLOW_LEDGER to a file "
            "that it can write, on a disk that is backed up"
        )
    return reasons


def why_not_listen(host: str, port: int, *, host_setting: str = "--host", port_setting: str = "--port") -> str | None:
    """Return why a server cannot listen on a host and port; None if it can.

    The returned text names `host_setting` and `port_setting` as the settings to correct.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        line = _NO_LISTENING.get(error.errno or 0, "it is not an IP address of this machine: see {host}")
        return line.format(host=host_setting, port=port_setting)
    return None


def run_in_child(work: list[Callable[[Settings], None]], settings: Settings) -> None:
    """Run functions in a child process, so that the server does not keep the modules that they import in memory.

    See decision 013. Raise `typer.Exit` with the exit code of the child if it is not 0.
    """
    process = multiprocessing.Process(target=_child, args=(work, settings))
    process.start()
    process.join()
    if process.exitcode:
        raise typer.Exit(process.exitcode)


def _child(work: list[Callable[[Settings], None]], settings: Settings) -> None:
    try:
        for each in work:
            each(settings)
    except typer.Exit as end:
        sys.exit(end.exit_code)
