"""Small instances to put into archives, and what lies in one."""

from firstread.archive import Archive, Part10
from firstread.archive.stored import stored_files
from tests.dicom.ct_series import EXPLICIT, anatomy, ct_series, encode


def instances(count=3, *, syntax=EXPLICIT, size=16, seed=0, change=None, **options):
    """Instances of one small series; `change` is called with each data set first."""
    made = ct_series(anatomy(count, size, seed=seed), **options)
    for ds in made:
        if change is not None:
            change(ds)
    return [Part10.parse(encode(ds, syntax)) for ds in made]


def file_names(archive: Archive) -> set[str]:
    """The files that rows name."""
    return {stored.name for stored in stored_files(archive.engine)}


def rows(archive: Archive, table) -> list:
    """All rows of a table, by their keys."""
    from sqlalchemy import select

    from firstread.archive.database import reading

    with reading(archive.engine) as connection:
        return list(connection.execute(select(table).order_by(*table.__table__.primary_key)))
