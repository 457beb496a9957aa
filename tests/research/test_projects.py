import pytest
from sqlalchemy import select

from firstread.access.audit.models import AuditEvent
from firstread.archive.database import reading
from firstread.dicom.deidentify.options import Option, options_of
from firstread.errors import UsageError
from firstread.research.models import ResearchProject
from firstread.research.projects import add_project, list_projects, project_named, reseal
from firstread.research.sealed import Unopenable
from tests.research.conftest import ACTOR, seal


def test_a_project_keeps_its_key_and_options(engine):
    with reading(engine) as connection:
        first, again = (project_named(connection, seal(), "lungs") for _ in range(2))
    assert first.pseudonyms == again.pseudonyms
    assert first.options == {Option.MODIFIED_DATES}


def test_projects_have_keys_of_their_own_which_the_database_does_not_show(engine):
    add_project(engine, seal(), "hearts", frozenset(), actor=ACTOR)
    with reading(engine) as connection:
        keys = {project_named(connection, seal(), name).pseudonyms.key for name in ("lungs", "hearts")}
        rows = connection.execute(select(ResearchProject.__table__)).all()
    assert len(keys) == 2
    assert not any(key.hex() in str(row) or repr(key) in str(row) for key in keys for row in rows)
    assert [each.name for each in list_projects(engine)] == ["hearts", "lungs"]


def test_a_name_that_is_taken_or_no_name_is_refused(engine):
    for name in ("lungs", "", "../up", "a b", "x" * 65):
        with pytest.raises(UsageError):
            add_project(engine, seal(), name, frozenset(), actor=ACTOR)
    with reading(engine) as connection, pytest.raises(UsageError, match="no project"):
        project_named(connection, seal(), "livers")


def test_the_row_of_one_project_does_not_open_as_another(engine):
    from sqlalchemy import update

    from firstread.archive.database import writing

    add_project(engine, seal(), "hearts", options_of([]), actor=ACTOR)
    with writing(engine) as connection:
        stolen = connection.execute(
            select(ResearchProject.sealed_key).where(ResearchProject.name == "lungs")
        ).scalar_one()
        connection.execute(
            update(ResearchProject).where(ResearchProject.name == "hearts").values(sealed_key=stolen)
        )
    with reading(engine) as connection, pytest.raises(Unopenable):
        project_named(connection, seal(), "hearts")


def test_a_new_key_of_the_installation_changes_no_pseudonym(engine):
    with reading(engine) as connection:
        before = project_named(connection, seal(), "lungs").pseudonyms
    assert reseal(engine, seal(), seal("n"), actor=ACTOR) == 1
    with reading(engine) as connection:
        assert project_named(connection, seal("n"), "lungs").pseudonyms == before
        with pytest.raises(Unopenable):
            project_named(connection, seal(), "lungs")
    with pytest.raises(Unopenable):
        reseal(engine, seal(), seal("m"), actor=ACTOR)


def test_making_a_project_is_on_record(engine):
    with reading(engine) as connection:
        (content,) = connection.execute(select(AuditEvent.content)).scalars()
    assert '"project":"lungs"' in content and "tester" in content
