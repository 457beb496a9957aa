"""Templates and macros: texts of a person or of the whole site, kept for use in reports."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import Connection, delete, insert, select, update

from firstread.archive.columns import now
from firstread.errors import UsageError
from firstread.reports import Lang
from firstread.workflow.reporting.content import LONGEST_SECTION, SECTIONS, SectionName, spoken
from firstread.workflow.reporting.models import ReportText

Kind = Literal["template", "macro"]
SITE = ""
"""Owner of what everybody uses."""
LONGEST_NAME = 64


@dataclass(frozen=True)
class KeptText:
    """A template or a macro; `owner` is "" for the whole site."""

    owner: str
    kind: Kind
    name: str
    lang: Lang
    section: SectionName
    text: str


def kept_texts(connection: Connection, owner: str, *, lang: Lang | None = None) -> tuple[KeptText, ...]:
    """Return the site's texts and those of a person, by kind and name; a person's own comes after the site's."""
    statement = (
        select(
            ReportText.owner,
            ReportText.kind,
            ReportText.name,
            ReportText.lang,
            ReportText.section,
            ReportText.text,
        )
        .where(ReportText.owner.in_({SITE, owner}))
        .order_by(ReportText.kind, ReportText.name, ReportText.owner, ReportText.lang)
    )
    if lang is not None:
        statement = statement.where(ReportText.lang == lang)
    rows: Any = connection.execute(statement)
    return tuple(KeptText(*row) for row in rows)


def keep(connection: Connection, kept: KeptText) -> None:
    """Keep a text, in the place of one of the same owner, kind, name, language and section.

    Raises:
        UsageError: kind, name, language, section or length are not possible.
    """
    name = kept.name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise UsageError(
            f"A text's name has 1 to {LONGEST_NAME} printable characters.", remedy="Choose another."
        )
    for value, known in (
        (kept.kind, get_args(Kind)),
        (kept.lang, get_args(Lang)),
        (kept.section, SECTIONS),
    ):
        if value not in known:
            raise UsageError(
                f"{str(value)[:40]!r} is none of {', '.join(known)}.", remedy="Choose one of them."
            )
    text = str(spoken(kept.text))
    if len(text) > LONGEST_SECTION:
        raise UsageError(f"A text has at most {LONGEST_SECTION} characters.", remedy="Shorten it.")
    same = (
        ReportText.owner == kept.owner,
        ReportText.kind == kept.kind,
        ReportText.name == name,
        ReportText.lang == kept.lang,
        ReportText.section == kept.section,
    )
    values = {"text": text, "changed_at": now()}
    changed = connection.execute(update(ReportText).where(*same).values(values).returning(ReportText.id))
    if changed.first() is None:
        connection.execute(
            insert(ReportText).values(
                owner=kept.owner,
                kind=kept.kind,
                name=name,
                lang=kept.lang,
                section=kept.section,
                **values,
            )
        )


def forget(
    connection: Connection, owner: str, kind: Kind, name: str, lang: Lang, section: SectionName
) -> bool:
    """Remove a text; tell whether it was there."""
    found = connection.execute(
        delete(ReportText)
        .where(
            ReportText.owner == owner,
            ReportText.kind == kind,
            ReportText.name == name,
            ReportText.lang == lang,
            ReportText.section == section,
        )
        .returning(ReportText.id)
    )
    return found.first() is not None


def beginnings(connection: Connection, owner: str, lang: Lang) -> dict[SectionName, str]:
    """Return what sections begin with where there is nothing to draft: the templates called `default`."""
    found: dict[SectionName, str] = {}
    for kept in kept_texts(connection, owner, lang=lang):
        if kept.kind == "template" and kept.name == "default":
            found[kept.section] = kept.text
    return found
