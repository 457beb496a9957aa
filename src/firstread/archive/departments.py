"""Whose study it is: the department, from who sent it, or from what it says of itself."""

from typing import Any, Literal

from sqlalchemy import Connection, and_, case, delete, func, insert, or_, select, update

from firstread.archive.models import DepartmentRule, Study
from firstread.archive.names import folded
from firstread.errors import UsageError

Kind = Literal["ae", "institution", "department"]
KINDS: tuple[Kind, ...] = ("ae", "institution", "department")
"""Of rules, the first that there is decides: the sender's AE title, Institution Name, Institutional Department Name."""


def department_of(connection: Connection, sender: str, institution: str, department: str) -> str:
    """Return the department of a new study; what it says of itself where no rule says otherwise, else ""."""
    said = dict(zip(KINDS, (folded(sender), folded(institution), folded(department)), strict=True))
    conditions = [
        and_(DepartmentRule.kind == kind, DepartmentRule.value == value)
        for kind, value in said.items()
        if value
    ]
    if not conditions:
        return department
    found = {
        row.kind: row.department
        for row in connection.execute(
            select(DepartmentRule.kind, DepartmentRule.department).where(or_(*conditions))
        )
    }
    return next((found[kind] for kind in KINDS if kind in found), department)


def list_departments(connection: Connection) -> list[tuple[str, str, str]]:
    """Return the rules as kind, value and department."""
    order = case({kind: n for n, kind in enumerate(KINDS)}, value=DepartmentRule.kind)
    rows = connection.execute(
        select(DepartmentRule.kind, DepartmentRule.value, DepartmentRule.department)
        .order_by(order, DepartmentRule.value)
    )  # fmt: skip
    return [(row.kind, row.value, row.department) for row in rows]


def map_department(connection: Connection, kind: Kind, value: str, department: str | None) -> int:
    """Say whose the studies are that come from a sender or institution, those that are there already included.

    Args:
        connection: In a transaction that writes.
        kind: What `value` is: an AE title, an institution's name, or a department's name as devices write it.
        value: Compared without case.
        department: None forgets what was said.

    Returns:
        How many studies have another department now.

    Raises:
        UsageError: the value is empty.
    """
    key = folded(value.strip())
    if not key or department == "":
        raise UsageError("A department needs a name, and whoever sends for it too.")
    connection.execute(delete(DepartmentRule).where(DepartmentRule.kind == kind, DepartmentRule.value == key))
    if department is not None:
        connection.execute(insert(DepartmentRule).values(kind=kind, value=key, department=department.strip()))
    column = {
        "ae": Study.sender, "institution": Study.institution, "department": Study.institutional_department
    }[kind]  # fmt: skip
    changed = 0
    statement: Any = select(
        Study.id, Study.department, Study.sender, Study.institution, Study.institutional_department
    ).where(func.lower(column) == key if key.isascii() else column != "")
    for row in connection.execute(statement).all():
        found = department_of(connection, row.sender, row.institution, row.institutional_department)
        if found != row.department:
            connection.execute(update(Study).where(Study.id == row.id).values(department=found))
            changed += 1
    return changed
