"""Trails of events for the tests."""

from firstread.access import Actor
from firstread.access.audit import Event, EventCode, record
from firstread.archive.database import writing

MEI = Actor("person", "mei", account=1, roles=frozenset({"radiologist"}), address="192.0.2.7")


def accessed(n=0):
    return Event(EventCode.INSTANCES_ACCESSED, "R", 0, MEI, [f"P{n}"], [f"1.2.3.{n}"], {"series": "1"})


def write_trail(engine, count, *, at_once=500):
    for first in range(0, count, at_once):
        with writing(engine) as connection:
            for n in range(first, min(first + at_once, count)):
                record(connection, accessed(n))


def unguarded(engine, *statements):
    """Do what somebody does who owns the database: the triggers are no hindrance to them."""
    tables = ("audit_event", "audit_subject", "audit_head")
    with engine.connect() as plain, plain.execution_options(writes=True).begin():
        if engine.dialect.name == "postgresql":
            for table in tables:
                plain.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            names = plain.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars()
            for name in list(names):
                plain.exec_driver_sql(f"DROP TRIGGER {name}")
        for statement in statements:
            plain.exec_driver_sql(statement)
