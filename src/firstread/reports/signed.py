"""A report that a person signed: what its renderings say beside the findings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from firstread.reports.review import Review
from firstread.texts import Lang

SignatureKind = Literal["final", "amended", "addendum"]
ORDER = ("indication", "technique", "comparison", "findings", "impression", "recommendation")
"""Sections, as a report has them."""


@dataclass(frozen=True)
class SignatureLine:
    """Who signed what, and when."""

    kind: SignatureKind
    name: str
    at: datetime


@dataclass(frozen=True)
class AddendumText:
    """What was added to a signed report, by whom and when."""

    text: str
    name: str
    at: datetime


@dataclass(frozen=True)
class SignedReport:
    """What was signed.

    Attributes:
        token: What tells the report from all others; its versions have the same.
        version: Number of the version that was signed.
        kind: Of the newest signature.
        lang: Language of the text.
        signatures: All of them, the oldest first; the last is the newest.
        organisation: For whom the signer works; "" where nobody said.
        sections: Text by section.
        review: How each finding that stands came to stand.
        rejected: Ids of the AI's findings that the person rejected, with the reason.
        addenda: The oldest first.
        amends: Why it was amended; "" where it was not.
    """

    token: str
    version: int
    kind: SignatureKind
    lang: Lang
    signatures: tuple[SignatureLine, ...]
    organisation: str
    sections: Mapping[str, str]
    review: Review
    rejected: Mapping[str, str]
    addenda: tuple[AddendumText, ...] = ()
    amends: str = ""

    @property
    def signer(self) -> SignatureLine:
        """The newest signature."""
        return self.signatures[-1]
