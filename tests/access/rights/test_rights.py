import threading
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from firstread.access import Action, Actor
from firstread.access.gate import Denied
from firstread.access.rights import Rights
from firstread.access.rights.break_glass import break_glass, broken_glass, end_broken_glass, review
from firstread.access.rights.change import (
    OF_STUDIES,
    add_role,
    add_rule,
    list_roles,
    remove_role,
    remove_rule,
)
from firstread.access.rights.models import BrokenGlass
from firstread.access.rights.treatments import begin_treatment, end_treatment, treatments
from firstread.archive import open_archive
from firstread.archive.columns import now
from firstread.archive.database import reading, writing
from firstread.archive.models import Study
from firstread.errors import UsageError
from tests.access.granting import allow, deny, hold
from tests.access.world import INSIDE, MISSING, OUTSIDE, fill

READ = Action.READ_STUDY


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    with open_archive(tmp_path_factory.mktemp("hospital")) as opened:
        fill(opened)
        yield opened


@pytest.fixture
def rights(archive):
    fill(archive)
    return Rights(archive.engine)


def person(name="alice", **holds):
    return Actor("person", name, **{key: frozenset(value) for key, value in holds.items()})


def seen(archive, rights, actor, action=READ):
    """The studies of the hospital that an actor may act on."""
    within = rights.within(actor, action)
    statement = select(Study.study_uid)
    with reading(archive.engine) as connection:
        return set(connection.execute(statement if within is None else statement.where(within)).scalars())


def test_who_has_no_rule_has_no_right(archive, rights):
    assert seen(archive, rights, person()) == set()
    decision = rights.decide(person(), READ, INSIDE.study)
    assert (decision.allowed, decision.rule, decision.because) == (False, None, "No rule gives it.")
    with pytest.raises(Denied, match=r"study\.read") as refused:
        rights.grant(person(), READ)
    assert refused.value.status == 403


STUDIES_OF_SCOPES = (
    ("*", {}, {INSIDE.study, OUTSIDE.study}),
    ("department:mine", {"department": "Chest"}, {INSIDE.study}),
    ("department:mine", {}, set()),
    ("department:Surgery", {}, {OUTSIDE.study}),
    ("project:mine", {"project": "screening"}, {INSIDE.study}),
    ("project:screening", {}, {INSIDE.study}),
    ("dataset:screening", {}, set()),  # it is a project
    ("patient:mine", {"referring": "CUT ^ SHARP^^"}, {OUTSIDE.study}),
    ("patient:mine", {}, set()),
    ("patient:P-INSIDE", {}, {INSIDE.study}),
    (f"study:{OUTSIDE.study}", {}, {OUTSIDE.study}),
    ("modality:ct", {}, {INSIDE.study, OUTSIDE.study}),
    ("modality:MR", {}, set()),
    ("modality:CT;department:Chest", {}, {INSIDE.study}),
)
"""A scope, what an actor holds, and what it sees then."""


def test_a_scope_is_the_studies_that_it_names(archive, rights):
    for number, (scope, holds, expected) in enumerate(STUDIES_OF_SCOPES):
        name = f"alice{number}"
        allow(archive, f"person:{name}", scope=scope)
        hold(archive, f"person:{name}", **holds)
        assert seen(archive, rights, person(name)) == expected, (scope, holds)


def test_a_referring_physician_is_known_by_a_code_too(archive):
    def identified(ds):
        from pydicom.dataset import Dataset

        code, physician = Dataset(), Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "D-4711", "99HOSPITAL", "House"
        physician.PersonIdentificationCodeSequence = [code]
        ds.ReferringPhysicianIdentificationSequence = [physician]

    from tests.archive.samples import instances

    archive.receive(instances(1, change=identified)[0])
    allow(archive, "person:alice", scope="patient:mine")
    hold(archive, "person:alice", referring="D-4711")
    assert len(seen(archive, Rights(archive.engine), person())) == 1


def test_who_treats_a_patient_sees_the_patient_for_as_long(archive, rights):
    bob = person("bob", roles=["clinician"])
    assert seen(archive, rights, bob) == set()
    with writing(archive.engine) as connection:
        begin_treatment(connection, "bob", OUTSIDE.patient_id)
    assert seen(archive, rights, bob) == {OUTSIDE.study}
    with writing(archive.engine) as connection:
        begin_treatment(connection, "bob", OUTSIDE.patient_id, now() - timedelta(seconds=1))
    assert seen(archive, rights, bob) == set()
    with writing(archive.engine) as connection:
        assert [(each.actor, each.patient_id) for each in treatments(connection)] == [
            ("person:bob", "P-OUTSIDE")
        ]
        end_treatment(connection, "bob", OUTSIDE.patient_id)
        with pytest.raises(UsageError):
            end_treatment(connection, "bob", OUTSIDE.patient_id)


def test_the_studies_of_a_clinicians_patients_are_found_by_indexes(archive, rights):
    allow(archive, "person:alice", scope="patient:mine")
    hold(archive, "person:alice", referring="CUT^SHARP")
    statement = select(Study.id).where(rights.within(person(), READ))
    literal = statement.compile(archive.engine, compile_kwargs={"literal_binds": True})
    postgresql = archive.engine.dialect.name == "postgresql"
    with reading(archive.engine) as connection:
        if postgresql:  # of so few studies it would read all of them otherwise
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN" if postgresql else "EXPLAIN QUERY PLAN"
        plan = "\n".join(str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {literal}"))
    for index in ("ix_study_patient_key", "ix_study_referring_key", "ix_study_referring_id"):
        assert index in plan
    assert "Seq Scan on study" not in plan and "SCAN study" not in plan


def test_what_is_denied_is_denied_whatever_allows_it(archive, rights):
    allow(archive, "person:alice")
    rule = deny(archive, "person:alice", scope="patient:P-OUTSIDE")
    assert seen(archive, rights, person()) == {INSIDE.study}
    decision = rights.decide(person(), READ, OUTSIDE.study)
    assert (decision.allowed, decision.rule) == (False, rule)
    assert rights.decide(person(), READ).allowed
    deny(archive, "role:radiologist")
    assert seen(archive, rights, person(roles=["radiologist"])) == set()
    with pytest.raises(Denied):
        rights.grant(person(roles=["radiologist"]), READ)


def test_a_change_holds_from_the_next_question_on_in_every_process(archive, rights):
    elsewhere = Rights(archive.engine)
    assert seen(archive, elsewhere, person()) == set()
    rule = allow(archive, "person:alice")
    assert (
        seen(archive, elsewhere, person()) == seen(archive, rights, person()) == {INSIDE.study, OUTSIDE.study}
    )
    with writing(archive.engine) as connection:
        remove_rule(connection, rule.id)
    assert seen(archive, elsewhere, person()) == set()


def test_a_token_is_for_its_actions_alone(archive, rights):
    allow(archive, "person:alice", "*")
    token = person(scopes=["job.read"])
    assert rights.within(token, Action.READ_JOB) is None
    assert seen(archive, rights, token) == set()
    assert rights.decide(token, READ, INSIDE.study).because == "The token is not for this."
    with pytest.raises(Denied):
        rights.grant(token, READ)


def test_the_names_of_an_account_count(archive, rights):
    from firstread.access.accounts.account import create_account
    from firstread.access.rights.known import known_actor

    with writing(archive.engine) as connection:
        create_account(connection, "Carol", roles=["clinician"], referring_names=["House^Gregory"])
    carol = known_actor(archive.engine, "carol")
    assert (carol.name, carol.roles) == ("Carol", {"clinician"})
    assert seen(archive, rights, carol) == {INSIDE.study}
    hold(archive, "CAROL", department="Chest")
    assert rights.standing(carol).departments == {"Chest"}


# Breaking the glass


@pytest.fixture
def bob(archive):
    allow(archive, "person:bob", "access.break_glass")
    return person("bob")


def broken(archive, rights, actor, scope="patient:P-OUTSIDE", reason="Collapsed in the ward.", **options):
    with writing(archive.engine) as connection:
        return break_glass(rights, connection, actor, scope, reason, **options)


def test_broken_glass_shows_one_patient_for_a_time_and_an_auditor_sees_it(archive, rights, bob):
    made = broken(archive, rights, bob, minutes=5)
    assert seen(archive, rights, bob) == {OUTSIDE.study}
    assert rights.decide(bob, READ, OUTSIDE.study).because == f"Broken glass {made.id}: patient:P-OUTSIDE."
    assert not rights.decide(bob, READ, INSIDE.study).allowed
    assert seen(archive, rights, bob, Action.DELETE_STUDY) == set()  # to look, and nothing else
    with reading(archive.engine) as connection:
        assert [(each.reason, each.reviewed_by) for each in broken_glass(connection, unseen=True)] == [
            ("Collapsed in the ward.", "")
        ]
    with writing(archive.engine) as connection:
        review(connection, made.id, "person:eve")
        assert broken_glass(connection, unseen=True) == []
        assert broken_glass(connection)[0].reviewed_by == "person:eve"
        connection.execute(update(BrokenGlass).values(until=now() - timedelta(seconds=1)))
    assert seen(archive, rights, bob) == set()


def test_broken_glass_is_closed_before_its_time(archive, rights, bob):
    made = broken(archive, rights, bob, f"study:{INSIDE.study}")
    assert seen(archive, rights, bob) == {INSIDE.study}
    with writing(archive.engine) as connection:
        end_broken_glass(connection, made.id, bob)
    assert seen(archive, rights, bob) == set()
    with pytest.raises(UsageError), writing(archive.engine) as connection:
        end_broken_glass(connection, made.id, bob)


def test_broken_glass_is_a_security_alert_in_the_audit_trail(archive, rights, bob):
    made = broken(archive, rights, bob)
    with writing(archive.engine) as connection:
        end_broken_glass(connection, made.id, bob)
    with reading(archive.engine) as connection:
        events = connection.execute(text("SELECT * FROM audit_event ORDER BY id")).mappings().all()
    told = [str(dict(each)) for each in events]
    assert "110127" in told[-2]
    assert "Collapsed in the ward." in told[-2]
    assert "110138" in told[-1]


def test_what_is_denied_stays_denied_behind_broken_glass(archive, rights, bob):
    deny(archive, "person:bob", scope="patient:P-OUTSIDE")
    broken(archive, rights, bob)
    assert seen(archive, rights, bob) == set()
    assert not rights.decide(bob, READ, OUTSIDE.study).allowed


def test_who_may_not_break_the_glass_does_not(archive, rights):
    with pytest.raises(Denied):
        broken(archive, rights, person())


@pytest.mark.parametrize(
    "wrong",
    [
        {"scope": "*"},
        {"scope": "department:Surgery"},
        {"scope": "patient:mine"},
        {"scope": "patient:1;study:1.2"},
        {"reason": "because"},
        {"minutes": 0},
        {"minutes": 1441},
    ],
)
def test_the_glass_is_broken_for_one_patient_with_a_reason_and_a_time(archive, rights, bob, wrong):
    with pytest.raises(UsageError):
        broken(archive, rights, bob, **wrong)


def test_whether_there_is_such_a_patient_is_not_told(archive, rights, bob):
    there, away = broken(archive, rights, bob), broken(archive, rights, bob, "patient:NOBODY")
    assert (there.reason, there.reviewed_by) == (away.reason, away.reviewed_by)


# Rules and roles


@pytest.mark.parametrize(
    ("subject", "action", "scope"),
    [
        ("role:nothing", "study.read", "*"),
        ("alien:x", "study.read", "*"),
        ("person:", "study.read", "*"),
        ("person:alice", "study.look", "*"),
        ("person:alice", "study.read", "planet:mars"),
        ("person:alice", "study.read", "study:not-a-uid"),
        ("person:alice", "study.read", ""),
        ("person:alice", "study.store", "department:Chest"),  # a refusal would tell what is there
        ("person:alice", "rights.manage", "department:Chest"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(archive, subject, action, scope):
    with pytest.raises(UsageError), writing(archive.engine) as connection:
        add_rule(connection, subject, action, scope)


def test_the_same_rule_twice_is_one(archive):
    assert allow(archive, "node:X", scope="modality:CT;department:A") == allow(
        archive, "node:X", scope="department:A; modality:ct"
    )


def test_roles_are_bundles_that_can_be_made_changed_and_removed(archive, rights):
    with writing(archive.engine) as connection:
        add_role(connection, "physicist", "Looks at phantoms")
        with pytest.raises(UsageError):
            add_role(connection, "physicist")
    allow(archive, "role:physicist")
    hold(archive, "service:qa", role="physicist")
    program = Actor("service", "qa")
    assert seen(archive, rights, program) == {INSIDE.study, OUTSIDE.study}
    with writing(archive.engine) as connection:
        remove_role(connection, "physicist")
        assert "physicist" not in {role.name for role in list_roles(connection)}
        with pytest.raises(UsageError):
            remove_role(connection, "physicist")
    assert seen(archive, rights, program) == set()


def test_a_user_of_the_operating_system_has_the_administrators_rights_unless_a_role_says_otherwise(
    archive, rights
):
    trainee = Actor("local", "trainee")
    assert rights.within(trainee, READ) is None
    hold(archive, "local:trainee", role="auditor")
    assert seen(archive, rights, trainee) == set()


def test_many_threads_ask_while_the_rules_change(archive, rights):
    wrong = []

    def look():
        for _ in range(20):
            found = seen(archive, rights, person())
            if found not in (set(), {INSIDE.study, OUTSIDE.study}):
                wrong.append(found)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        rule = allow(archive, "person:alice")
        with writing(archive.engine) as connection:
            remove_rule(connection, rule.id)
    for thread in threads:
        thread.join()
    assert wrong == []


SCOPES = st.sampled_from(
    ["*", "department:mine", "department:Surgery", "project:mine", "patient:mine", "modality:CT", "modality:MR",
     f"study:{INSIDE.study}", "patient:P-OUTSIDE", "modality:CT;department:Chest"]
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=st.lists(st.tuples(SCOPES, st.sampled_from(["allow", "deny"])), max_size=4))
def test_a_decision_and_a_condition_never_disagree(hospital, rules):
    """casbin decides on one study; the condition is SQL: each must say what the other says, of every study."""
    rights = Rights(hospital.engine)
    actor = person(departments=["Chest"])
    with writing(hospital.engine) as connection:
        made = [
            add_rule(connection, actor.key, "study.read", scope, effect=effect) for scope, effect in rules
        ]
    try:
        visible = seen(hospital, rights, actor)
        for case in (INSIDE, OUTSIDE):
            assert rights.decide(actor, READ, case.study).allowed == (case.study in visible)
        at_all = rights.decide(actor, READ).allowed
        assert at_all or not visible
    finally:
        with writing(hospital.engine) as connection:
            for rule in {each.id for each in made}:
                remove_rule(connection, rule)


def test_only_what_is_about_studies_can_be_scoped():
    assert Action.STORE_STUDY not in OF_STUDIES
    assert {READ, Action.READ_JOB} <= OF_STUDIES


def test_a_study_that_is_not_there_is_nobodys(rights, archive):
    allow(archive, "person:alice", scope="department:Surgery")
    assert not rights.decide(person(), READ, MISSING.study).allowed
