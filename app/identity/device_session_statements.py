"""The statements on devices and their refresh tokens."""

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from app import clock
from app.db import Statement, bind
from app.identity.tables import AccountRecord, DeviceRecord, RefreshToken, SecondFactor
from app.settings import Settings

_account, _device, _token = AccountRecord.table(), DeviceRecord.table(), RefreshToken.table()
_factor = SecondFactor.table()
_this_device = _device.c.id == bind(_device.c.id)
INSERT_DEVICE: Final = Statement(sa.insert(_device).values({column.name: bind(column) for column in _device.c}))
INSERT_TOKEN: Final = Statement(sa.insert(_token).values({column.name: bind(column) for column in _token.c}))
FIND: Final = Statement(
    sa.select(
        _token.c.device_id,
        _token.c.superseded_at,
        *(_device.c[name] for name in ("account_id", "created_at", "last_used_at", "unused", "repeated")),
        _account.c.role,
        _factor.c.confirmed_at.label("second_factor_at"),
    )
    .join_from(_token, _device, _token.c.device_id == _device.c.id)
    .join(_account, _device.c.account_id == _account.c.id)
    .outerjoin(_factor, _factor.c.account_id == _account.c.id)
    .where(_token.c.digest == bind(_token.c.digest), _device.c.ended_at.is_(None), _account.c.closed_at.is_(None))
)
LOCK: Final = Statement(sa.select(_device.c.id).where(_this_device).with_for_update())
SUPERSEDE: Final = Statement(
    sa.update(_token).where(_token.c.digest == bind(_token.c.digest)).values(superseded_at=bind(_token.c.superseded_at))
)
FIND_UNUSED: Final = Statement(
    sa.select(_token.c.digest).where(_token.c.digest == bind(_token.c.digest), _token.c.superseded_at.is_(None))
)
_refreshed: Final = ("last_used_at", "unused", "repeated")
REFRESH_DEVICE: Final = Statement(
    sa.update(_device).where(_this_device).values({name: bind(_device.c[name]) for name in _refreshed})
)
REPEAT: Final = Statement(sa.update(_device).where(_this_device).values(repeated=True))
BEGIN_USE: Final = Statement(
    sa.update(_device).where(_this_device, _device.c.unused == bind(_device.c.unused, "tag")).values(unused=sa.null())
)
"""Stores that a device has used its newest tokens. From then on, using its former refresh token signs it out."""
_ENDED: Final = {"ended_at": bind(_device.c.ended_at)}
END_DEVICE: Final = Statement(sa.update(_device).where(_this_device).values(_ENDED))
END_OWN_DEVICE: Final = Statement(
    sa.update(_device)
    .where(
        _this_device,
        _device.c.account_id == bind(_device.c.account_id),
        _device.c.ended_at.is_(None),
    )
    .values(_ENDED)
    .returning(_device.c.id)
)
END_DEVICES: Final = Statement(
    sa.update(_device)
    .where(
        _device.c.account_id == bind(_device.c.account_id),
        _device.c.ended_at.is_(None),
        sa.or_(bind(_device.c.id, "kept").is_(None), _device.c.id != bind(_device.c.id, "kept")),
    )
    .values(_ENDED)
)
_LIVE: Final = (
    _device.c.account_id == bind(_device.c.account_id),
    _device.c.ended_at.is_(None),
    _device.c.created_at > bind(_device.c.created_at, "oldest"),
    _device.c.last_used_at > bind(_device.c.last_used_at, "idle_since"),
)
END_LEAST_USED: Final = Statement(
    sa.update(_device)
    .where(
        _device.c.id.in_(
            sa.select(_device.c.id)
            .where(*_LIVE)
            .order_by(_device.c.last_used_at.desc(), _device.c.id.desc())
            .offset(sa.bindparam("kept", type_=sa.BigInteger))
        )
    )
    .values(_ENDED)
    .returning(_device.c.id)
)
"""Signs out the devices of an account, except the `kept` most recently used ones.

Returns the ids of the devices that it signed out.
"""
COUNT_LIVE: Final = sa.select(sa.func.count()).select_from(_device).where(*_LIVE).scalar_subquery()
FIND_DEVICE_OF_TOKEN: Final = Statement(
    sa.select(_device.c.id)
    .join_from(_token, _device, _token.c.device_id == _device.c.id)
    .join(_account, _device.c.account_id == _account.c.id)
    .where(_token.c.digest == bind(_token.c.digest), _account.c.email_key == bind(_account.c.email_key))
)
SIGNED_IN: Final = Statement(
    sa.select(_device.c.id, _device.c.name, _device.c.created_at, _device.c.last_used_at)
    .where(*_LIVE)
    .order_by(_device.c.created_at.desc(), _device.c.id.desc())
)


def live_since(settings: Settings) -> dict[str, datetime]:
    """Return the bind values `oldest` and `idle_since`, by which statements select the devices that can still refresh.

    Such a device was created after `oldest` and last used after `idle_since`.
    """
    now = clock.now()
    return {
        "oldest": now - timedelta(seconds=settings.refresh_total_seconds),
        "idle_since": now - timedelta(seconds=settings.refresh_idle_seconds),
    }
