from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from firstread.access.accounts import tokens
from firstread.access.accounts.account import disable_account, live_tokens
from firstread.access.accounts.models import TokenRow
from firstread.access.accounts.tokens import create_token, find_token, list_tokens, note_used, revoke_token
from firstread.archive.database import reading, writing
from firstread.errors import UsageError
from tests.access.accounts.conftest import make_person

DAYS = timedelta(days=90)


def made(engine, key, name="pacs", scopes=("study.read",), lasts=DAYS):
    with writing(engine) as connection:
        return create_token(connection, key, name, scopes=scopes, lasts=lasts)


def found(engine, secret):
    with reading(engine) as connection:
        return find_token(connection, secret)


def test_a_token_is_for_its_actions_and_is_not_kept(engine):
    key = make_person(engine, "robot", password="", kind="service").id
    secret = made(engine, key, scopes=["study.store", "study.read"])
    assert secret.startswith("frt_") and len(secret) == 47
    token = found(engine, secret)
    assert (token.account, token.scopes, token.state) == (key, {"study.read", "study.store"}, "live")
    with reading(engine) as connection:
        row = connection.execute(select(TokenRow.__table__)).one()
        assert live_tokens(connection, key) == 1
    assert secret not in str(tuple(row))
    assert found(engine, row.digest) is None
    assert found(engine, secret[4:]) is None


def test_a_token_ends_revoked_expired_or_with_its_account(engine, monkeypatch):
    key = make_person(engine, password="").id
    revoked, expired, third = (made(engine, key, name) for name in ("a", "b", "c"))
    with writing(engine) as connection:
        assert revoke_token(connection, key, "a")
        assert not revoke_token(connection, key, "a")
        assert not revoke_token(connection, key + 1, "b")
    assert found(engine, revoked) is None
    assert found(engine, expired)
    monkeypatch.setattr(tokens, "now", lambda: datetime.now(UTC) + DAYS)
    assert found(engine, expired) is None
    with reading(engine) as connection:
        assert [token.state for token in list_tokens(connection)] == ["revoked", "expired", "expired"]
    monkeypatch.undo()
    with writing(engine) as connection:
        disable_account(connection, key)
    assert found(engine, third) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": ()}, {"scopes": ["study.everything"]}, {"lasts": timedelta(0)}, {"lasts": timedelta(days=367)},
        {"name": ""}, {"name": "a\nb"},
    ],
)  # fmt: skip
def test_a_token_for_everything_or_for_ever_is_not_made(sqlite, wrong):
    key = make_person(sqlite, password="").id
    with pytest.raises(UsageError):
        made(sqlite, key, **wrong)


def test_a_name_is_given_once(engine):
    key = make_person(engine, password="").id
    made(engine, key)
    with pytest.raises(UsageError, match="already"):
        made(engine, key)


def test_its_use_is_kept_every_five_minutes(engine, monkeypatch):
    secret = made(engine, make_person(engine, password="").id)
    assert found(engine, secret).used_at is None
    note_used(engine, found(engine, secret))
    first = found(engine, secret).used_at
    note_used(engine, found(engine, secret))
    assert found(engine, secret).used_at == first
    monkeypatch.setattr(tokens, "now", lambda: first + timedelta(minutes=5))
    note_used(engine, found(engine, secret))
    assert found(engine, secret).used_at > first
