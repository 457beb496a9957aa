"""How far the trail has been sent on: the trail itself is what waits, so nothing is lost while a collector is away."""

from datetime import timedelta

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from firstread.access.audit.models import AuditForwarded
from firstread.archive.columns import new_token, now
from firstread.archive.database import reading, writing

LEASE = timedelta(seconds=30)


class Place:
    """The place in the trail up to which it was sent; one process at a time holds it.

    Args:
        engine: The archive's database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._name = new_token()

    def take(self) -> int | None:
        """Take or keep hold of the place, and return the number of the last event that was sent; None: another has it.

        Raises:
            ArchiveUnavailable: the database does not answer.
        """
        self._make()
        with writing(self._engine) as connection:
            held = connection.execute(
                select(
                    AuditForwarded.number, AuditForwarded.holder, AuditForwarded.held_until
                ).with_for_update()
            ).one()
            if held.holder != self._name and held.held_until > now():
                return None
            connection.execute(update(AuditForwarded).values(holder=self._name, held_until=now() + LEASE))
            return int(held.number)

    def move(self, number: int) -> None:
        """Remember that events up to this one were sent, unless another process holds the place by now."""
        with writing(self._engine) as connection:
            connection.execute(
                update(AuditForwarded)
                .where(AuditForwarded.holder == self._name, AuditForwarded.number < number)
                .values(number=number, held_until=now() + LEASE)
            )

    def let_go(self) -> None:
        """Leave the place to another process at once."""
        with writing(self._engine) as connection:
            connection.execute(
                update(AuditForwarded).where(AuditForwarded.holder == self._name).values(held_until=now())
            )

    def _make(self) -> None:
        with reading(self._engine) as connection:
            if connection.execute(select(AuditForwarded.id)).first() is not None:
                return
        first = insert(AuditForwarded).values(id=1, number=0, holder="", held_until=now() - LEASE)
        try:
            with writing(self._engine) as connection:
                connection.execute(first)
        except IntegrityError:
            return  # another process made it
