"""`firstread users` and `firstread tokens`: accounts of people and programs."""

from firstread.cli.accounts.sessions import revoke, sessions
from firstread.cli.accounts.tokens import tokens
from firstread.cli.accounts.users import users

users.command()(sessions)
users.command()(revoke)

__all__ = ["tokens", "users"]
