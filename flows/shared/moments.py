"""Moments as flows take them, and as statements hold them."""

from datetime import UTC, datetime

Moment = datetime | None  # Without a zone it is UTC.


def utc(moment: datetime) -> datetime:
    """The moment in UTC; without a zone it is taken as UTC."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def utc_text(moment: datetime) -> str:
    """The moment in UTC as the text of a TIMESTAMP_NTZ(6)."""
    return utc(moment).strftime("%Y-%m-%d %H:%M:%S.%f")
