"""Claims: who reads a study now, so that no two do so unknowingly; and who did before."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from firstread.archive.columns import now
from firstread.archive.models import ReadingClaim
from firstread.archive.notices import tell
from firstread.errors import FirstreadError, UsageError

LONGEST_REASON = 500


@dataclass(frozen=True)
class Claim:
    """Somebody's claim. `owner` tells persons apart, `name` is how others call them."""

    id: int
    owner: str
    name: str
    claimed_at: datetime
    reason: str = ""
    released_at: datetime | None = None


class ClaimedByOther(FirstreadError):
    """Somebody else reads the study; `claim` is theirs."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(f"{claim.name} reads this study.", remedy="Ask them, or take it over and say why.")
        self.claim = claim


def holder(connection: Connection, study_key: int) -> Claim | None:
    """Return the claim that holds now."""
    row = connection.execute(_statement(study_key).where(ReadingClaim.released_at.is_(None))).one_or_none()
    return _claim(row) if row is not None else None


def history(connection: Connection, study_key: int) -> list[Claim]:
    """Return every claim on a study, the latest first."""
    return [_claim(row) for row in connection.execute(_statement(study_key).order_by(ReadingClaim.id.desc()))]


def claim(
    connection: Connection,
    study_key: int,
    *,
    owner: str,
    name: str,
    seen: int | None = None,
    reason: str = "",
) -> Claim:
    """Claim a study; one's own claim stays as it is.

    Args:
        connection: From `writing`, in which the study is locked.
        study_key: The study.
        owner: Who.
        name: How others call them.
        seen: The claim of somebody else that is taken over: one can only take over what one has seen.
        reason: Why it is taken over.

    Raises:
        ClaimedByOther: somebody else has it, and not by the claim that was seen.
        UsageError: it is taken over without a reason.
    """
    held = holder(connection, study_key)
    if held is not None and held.owner == owner:
        return held
    if held is not None:
        if held.id != seen:
            raise ClaimedByOther(held)
        if not reason.strip():
            raise UsageError("A study is taken over with a reason.", remedy="Say why; the other reads it.")
        _release(connection, held)
    values = {
        "study_key": study_key,
        "owner": owner,
        "name": name,
        "former": held.id if held is not None else None,
        "reason": reason.strip()[:LONGEST_REASON] if held is not None else "",
    }
    made = connection.execute(insert(ReadingClaim).values(values).returning(ReadingClaim.id)).scalar_one()
    tell(connection, "study", study_key=study_key)
    if held is not None:
        tell(
            connection,
            "taken",
            study_key=study_key,
            content={"claim": held.id, "by": name, "reason": values["reason"]},
        )
    found = holder(connection, study_key)
    assert found is not None and found.id == made
    return found


def release(connection: Connection, study_key: int, *, owner: str) -> bool:
    """Give one's own claim back; False where one has none."""
    held = holder(connection, study_key)
    if held is None or held.owner != owner:
        return False
    _release(connection, held)
    tell(connection, "study", study_key=study_key)
    return True


def _release(connection: Connection, held: Claim) -> None:
    connection.execute(update(ReadingClaim).where(ReadingClaim.id == held.id).values(released_at=now()))


def _statement(study_key: int) -> Any:  # noqa: ANN401 - SQLAlchemy's statement
    return select(
        ReadingClaim.id,
        ReadingClaim.owner,
        ReadingClaim.name,
        ReadingClaim.claimed_at,
        ReadingClaim.reason,
        ReadingClaim.released_at,
    ).where(ReadingClaim.study_key == study_key)


def _claim(row: Any) -> Claim:  # noqa: ANN401 - a row
    return Claim(row.id, row.owner, row.name, row.claimed_at, row.reason, row.released_at)
