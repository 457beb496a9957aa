"""Logging in with an OpenID provider: OpenID Connect Core 1.0, the authorization code flow with PKCE (RFC 7636)."""

from firstread.access.accounts.oidc.flow import Relying
from firstread.access.accounts.oidc.problem import OidcProblem

__all__ = ["OidcProblem", "Relying"]
