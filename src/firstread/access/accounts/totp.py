"""The second factor: codes by time (RFC 6238), each taken once, and codes for when the device is lost."""

import logging
import secrets
from io import BytesIO

import pyotp
import segno
from sqlalchemy import Connection, delete, func, insert, select, update

from firstread.access.accounts.models import AccountRow, RecoveryCodeRow
from firstread.access.accounts.secret import digest_of
from firstread.access.accounts.totp_secret import close_secret, open_secret
from firstread.access.sealed import Unopenable
from firstread.archive.columns import now

_log = logging.getLogger("firstread.access")
STEP_S = 30
DRIFT = 1  # steps that a clock may be off
RECOVERY_CODES = 10
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # none is mistaken for another
_ISSUER = "firstread"


def begin_enrolment(connection: Connection, key: int) -> str:
    """Return a new secret (base 32), which is asked for once one of its codes was shown to `finish_enrolment`."""
    secret = pyotp.random_base32()
    kept = close_secret(connection, key, secret)
    connection.execute(update(AccountRow).where(AccountRow.id == key).values(totp_new=kept))
    return secret


def secret_on_offer(connection: Connection, key: int) -> str:
    """Return the secret of `begin_enrolment` whose first code was not shown yet; "" where there is none.

    Raises:
        Unopenable: no key of the settings opens it.
    """
    kept = connection.execute(select(AccountRow.totp_new).where(AccountRow.id == key)).scalar_one()
    return open_secret(connection, key, kept)


def finish_enrolment(connection: Connection, key: int, code: str) -> tuple[str, ...]:
    """Ask for the second factor from now on if the code is one of the new secret's.

    Returns:
        The recovery codes, which are never shown again; empty where the code was wrong.
    """
    secret = secret_on_offer(connection, key)
    step = _step(secret, code)
    if step is None:
        return ()
    kept = close_secret(connection, key, secret)
    connection.execute(
        update(AccountRow).where(AccountRow.id == key).values(totp=kept, totp_new="", totp_step=step)
    )
    return new_recovery_codes(connection, key)


def remove_totp(connection: Connection, key: int) -> None:
    """Ask for no second factor any more."""
    connection.execute(
        update(AccountRow).where(AccountRow.id == key).values(totp="", totp_new="", totp_step=0)
    )
    connection.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.account_key == key))


def take_code(connection: Connection, key: int, code: str) -> bool:
    """Tell whether a code is the account's, of its device or for recovery; one that was taken never is again.

    Where no key of the settings opens the device's secret, only codes for recovery are taken, and the log says why.
    """
    code = "".join(code.split()).lower()
    kept = connection.execute(select(AccountRow.totp).where(AccountRow.id == key)).scalar_one_or_none()
    if not kept:
        return False
    try:
        step = _step(open_secret(connection, key, kept), code)
    except Unopenable as error:
        _log.error("%s", error.message)
        step = None
    if step is not None:
        taken = connection.execute(
            update(AccountRow).where(AccountRow.id == key, AccountRow.totp_step < step).values(totp_step=step)
        )
        return taken.rowcount == 1
    taken = connection.execute(
        update(RecoveryCodeRow)
        .where(
            RecoveryCodeRow.account_key == key,
            RecoveryCodeRow.digest == _recovery_digest(key, code),
            RecoveryCodeRow.used_at.is_(None),
        )
        .values(used_at=now())
    )
    return taken.rowcount == 1


def new_recovery_codes(connection: Connection, key: int) -> tuple[str, ...]:
    """Return codes that each replace the device once, in place of those that there were."""
    connection.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.account_key == key))
    made = ["".join(secrets.choice(_ALPHABET) for _ in range(16)) for _ in range(RECOVERY_CODES)]
    connection.execute(
        insert(RecoveryCodeRow),
        [{"account_key": key, "digest": _recovery_digest(key, code)} for code in made],
    )
    return tuple("-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in made)


def recovery_codes_left(connection: Connection, key: int) -> int:
    """Return how many recovery codes were not used yet."""
    return connection.execute(
        select(func.count())
        .select_from(RecoveryCodeRow)
        .where(RecoveryCodeRow.account_key == key, RecoveryCodeRow.used_at.is_(None))
    ).scalar_one()


def provisioning_uri(secret: str, name: str) -> str:
    """Return what an authenticator app reads (otpauth://totp/…)."""
    return pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=name, issuer_name=_ISSUER)


def qr_svg(uri: str) -> str:
    """Return a QR code (ISO/IEC 18004) as an SVG picture without a script or a style."""
    picture = BytesIO()
    segno.make(uri, error="m", micro=False).save(
        picture, kind="svg", scale=4, border=4, xmldecl=False, light="#fff", svgclass=None, lineclass=None
    )
    return picture.getvalue().decode()


def _step(secret: str, code: str) -> int | None:
    """Return the time step whose code it is, of those that a clock may be in."""
    if not secret or len(code) != 6 or not code.isascii() or not code.isdigit():
        return None
    totp = pyotp.TOTP(secret, interval=STEP_S)
    present = int(now().timestamp()) // STEP_S
    found = None
    for step in range(present - DRIFT, present + DRIFT + 1):
        if secrets.compare_digest(totp.generate_otp(step), code):
            found = step
    return found


def _recovery_digest(key: int, code: str) -> str:
    return digest_of(f"{key}:{code.replace('-', '')}")
