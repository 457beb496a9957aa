"""What of the worklist is wanted, as the address says it: `stage=open&modality=CT&q=doe&sort=name`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from firstread.archive.worklist import STAGES

Sort = Literal["urgency", "waiting", "newest", "name", "modality", "stage", "category"]
Whose = Literal["any", "mine", "free"]
Came = Literal["any", "1", "3", "7", "30"]
SORTS: tuple[Sort, ...] = get_args(Sort)
WHOSE: tuple[Whose, ...] = get_args(Whose)
CAME: tuple[Came, ...] = get_args(Came)
"""Days since the study came, at most."""
OPEN = "open"
"""As a stage: whatever is not signed."""
ALL = "all"
LONGEST = 64
MOST_PAGES = 10_000


@dataclass(frozen=True)
class Filters:
    """What is shown, and in which order; what the address says wrongly is as if it were not said.

    Args:
        q: Beginnings of words of the patient's name, or of the patient's or the accession number, or words of the
            description; all of them must be there.
        stage: One of `STAGES`, open (not signed) or all.
        modality: As DICOM names it; "" for any.
        urgency: Only so urgent or more: 0 critical to 3, all.
        whose: Claimed by whoever asks, or by nobody.
        came: In so many days.
        sort: The order.
        page: From 1 on.
    """

    q: str = ""
    stage: str = OPEN
    modality: str = ""
    urgency: int = 3
    whose: Whose = "any"
    came: Came = "any"
    sort: Sort = "urgency"
    page: int = 1

    @classmethod
    def of(cls, said: Mapping[str, str]) -> "Filters":
        """Return what an address says."""
        found = cls(
            q=said.get("q", "").strip()[:LONGEST],
            modality="".join(c for c in said.get("modality", "").upper() if c.isalnum())[:16],
            stage=_one_of((OPEN, ALL, *STAGES), said.get("stage"), OPEN),
            sort=_one_of(SORTS, said.get("sort"), "urgency"),
            whose=_one_of(WHOSE, said.get("whose"), "any"),
            came=_one_of(CAME, said.get("came"), "any"),
        )
        urgency, page = said.get("urgency", ""), said.get("page", "")
        if urgency in ("0", "1", "2"):
            found = replace(found, urgency=int(urgency))
        if page.isascii() and page.isdigit() and 1 <= int(page[:9]) <= MOST_PAGES:
            found = replace(found, page=int(page[:9]))
        return found

    def query(self, **changes: object) -> str:
        """Return what an address says for this with some changes: what differs from the default, without `?`."""
        changed = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        default = Filters()
        said = {field.name: getattr(changed, field.name) for field in fields(self)}
        return urlencode({name: value for name, value in said.items() if value != getattr(default, name)})

    @property
    def is_narrowed(self) -> bool:
        """Tell whether it shows less than what is open."""
        return replace(self, sort="urgency", page=1) != Filters()


def _one_of(known: Iterable[str], value: str | None, default: str) -> Any:  # noqa: ANN401 - one of a Literal
    return value if value is not None and value in known else default
