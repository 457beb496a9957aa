"""Tokens that are not what they say: each is made as an attacker would, and refused."""

import base64
import hmac
import json
import time

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from firstread.access.accounts.oidc.id_token import LOGOUT, check_id_token, check_logout_token
from firstread.access.accounts.oidc.problem import OidcProblem

ISSUER, CLIENT, NONCE = "https://login.example", "firstread", "the nonce of this login"
KEY = RSAKey.generate_key(2048, {"kid": "a", "use": "sig", "alg": "RS256"}, private=True)
OTHER = RSAKey.generate_key(2048, {"kid": "b", "use": "sig"}, private=True)
PUBLIC = [KEY.as_dict(private=False)]


def claims(**changed):
    now = int(time.time())
    made = {"iss": ISSUER, "sub": "7", "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": NONCE, **changed}
    return {name: value for name, value in made.items() if value is not None}


def signed(key=KEY, algorithm="RS256", header=None, **changed):
    head = {"alg": algorithm, "kid": "a", **(header or {})}
    return jwt.encode(
        {k: v for k, v in head.items() if v is not None}, claims(**changed), key, algorithms=[algorithm]
    )


def check(token, keys=PUBLIC, **expected):
    expected = {"issuer": ISSUER, "client": CLIENT, "nonce": NONCE, **expected}
    return check_id_token(token, lambda afresh: keys, **expected)


def part(value):
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def test_a_token_of_the_provider_for_this_login_is_taken():
    assert check(signed())["sub"] == "7"
    assert check(signed(aud=[CLIENT]))["sub"] == "7"
    assert check(signed(aud=[CLIENT, "other"], azp=CLIENT))["sub"] == "7"
    assert check(signed(header={"kid": None}))["sub"] == "7"


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # but it is what providers say
@pytest.mark.parametrize(
    ("make", "algorithm"),
    [
        (lambda: ECKey.generate_key("P-256", {"kid": "a"}, private=True), "ES256"),
        (lambda: ECKey.generate_key("P-384", {"kid": "a"}, private=True), "ES384"),
        (lambda: OKPKey.generate_key("Ed25519", {"kid": "a"}, private=True), "EdDSA"),
        (lambda: OKPKey.generate_key("Ed25519", {"kid": "a"}, private=True), "Ed25519"),
        (lambda: RSAKey.generate_key(2048, {"kid": "a"}, private=True), "PS256"),
    ],
)
def test_other_signatures_with_public_keys_are_taken(make, algorithm):
    key = make()
    assert check(signed(key, algorithm), [key.as_dict(private=False)])["sub"] == "7"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 5, ["RS256"]])
def test_an_unsigned_token_is_refused(algorithm):
    for signature in ("", part(b"x")):
        with pytest.raises(OidcProblem, match="not taken"):
            check(f"{part({'alg': algorithm, 'kid': 'a'})}.{part(claims())}.{signature}")


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_the_public_key_is_no_secret_to_sign_with(algorithm):
    """RFC 8725 section 2.1: algorithm confusion."""
    for secret in (KEY.as_pem(private=False), json.dumps(PUBLIC[0]).encode(), b"firstread"):
        content = f"{part({'alg': algorithm, 'kid': 'a'})}.{part(claims())}"
        digest = hmac.new(secret, content.encode(), f"sha{algorithm[2:]}").digest()
        with pytest.raises(OidcProblem, match="not taken"):
            check(f"{content}.{part(digest)}")
    shared = OctKey.generate_key(256, {"kid": "a"})
    with pytest.raises(OidcProblem, match="not taken"):
        check(signed(shared, "HS256"), [*PUBLIC, shared.as_dict(private=True)])


def test_a_key_that_the_token_brings_itself_is_not_looked_at():
    for header in (
        {"jwk": OTHER.as_dict(private=False)},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example"},
    ):
        content = f"{part({'alg': 'RS256', 'kid': 'a', **header})}.{part(claims())}"
        forged = signed(OTHER)
        with pytest.raises(OidcProblem):
            check(f"{content}.{forged.rpartition('.')[2]}")


@pytest.mark.parametrize("kid", ["a", "b", "../../dev/null", "' OR 1=1 --", None])
def test_another_key_is_none_of_the_providers(kid):
    with pytest.raises(OidcProblem):
        check(signed(OTHER, header={"kid": kid}))


def test_a_key_is_for_one_kind_of_signature():
    encrypts = {**PUBLIC[0], "use": "enc"}
    other_algorithm = {**PUBLIC[0], "alg": "PS256"}
    for keys in (
        [encrypts],
        [other_algorithm],
        [],
        [{"kty": "RSA", "kid": "a"}],
        [{"kty": "oct", "kid": "a", "k": "AA"}],
    ):
        with pytest.raises(OidcProblem, match="none of the provider's keys"):
            check(signed(), keys)
    curve = ECKey.generate_key("P-384", {"kid": "a"}, private=True)
    with pytest.raises(OidcProblem):
        check(signed(), [curve.as_dict(private=False)])


@pytest.mark.filterwarnings("ignore")
def test_a_short_key_is_refused():
    short = RSAKey.generate_key(1024, {"kid": "a"}, private=True)
    with pytest.raises(OidcProblem, match="none of the provider's keys"):
        check(signed(short), [short.as_dict(private=False)])


def test_two_keys_of_one_name_are_not_chosen_from():
    with pytest.raises(OidcProblem, match="none of the provider's keys"):
        check(signed(), [PUBLIC[0], {**OTHER.as_dict(private=False), "kid": "a"}])


def test_a_key_that_is_not_known_yet_is_fetched_once():
    asked = []

    def keys(afresh):
        asked.append(afresh)
        return PUBLIC if afresh else [OTHER.as_dict(private=False)]

    assert check_id_token(signed(), keys, issuer=ISSUER, client=CLIENT, nonce=NONCE)
    assert asked == [False, True]


NOW = time.time()


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://login.example.evil"}, {"iss": "https://login.example/"}, {"iss": None}, {"iss": [ISSUER]},
        {"aud": "another"}, {"aud": ["another"]}, {"aud": None}, {"aud": []}, {"aud": [CLIENT, "another"]},
        {"azp": "another"}, {"aud": [CLIENT, "another"], "azp": "another"}, {"aud": "firstread2"},
        {"exp": NOW - 120}, {"exp": None}, {"exp": "9999999999"}, {"exp": True},
        {"iat": NOW - 3600}, {"iat": NOW + 3600}, {"iat": None}, {"nbf": NOW + 3600},
        {"nonce": None}, {"nonce": ""}, {"nonce": "of another login"}, {"nonce": 7},
        {"sub": None}, {"sub": ""}, {"sub": 7}, {"sub": "x" * 256},
    ],
)  # fmt: skip
def test_a_token_for_another_or_of_another_time_is_refused(changed):
    with pytest.raises(OidcProblem):
        check(signed(**changed))


@pytest.mark.parametrize(
    "token", ["", "a", "a.b", "a.b.c", "....", "e30.e30.", "e30.e30.e30", "W10.e30.", "\x00.\x00.\x00"]
)
def test_what_is_no_token_is_refused(token):
    with pytest.raises(OidcProblem):
        check(token)


def test_one_changed_byte_is_found():
    head, body, signature = signed().split(".")
    altered = part({**claims(), "sub": "8"})
    for token in (f"{head}.{altered}.{signature}", f"{head}.{body}.{signature[:-4]}AAAA", f"{head}.{body}."):
        with pytest.raises(OidcProblem, match="signature"):
            check(token)


def test_an_extension_that_must_be_understood_is_refused():
    token = f"{part({'alg': 'RS256', 'kid': 'a', 'crit': ['b64'], 'b64': False})}.{part(claims())}.AA"
    with pytest.raises(OidcProblem, match="extension"):
        check(token)


def test_an_id_token_is_no_logout_token_and_the_other_way_round():
    def ended(token):
        return check_logout_token(token, lambda afresh: PUBLIC, issuer=ISSUER, client=CLIENT)

    assert ended(signed(nonce=None, events={LOGOUT: {}})) == "7"
    for changed in ({}, {"events": {LOGOUT: {}}}, {"nonce": None}, {"nonce": None, "events": [LOGOUT]}):
        with pytest.raises(OidcProblem):
            ended(signed(**changed))
    with pytest.raises(OidcProblem):
        check(signed(nonce=None, events={LOGOUT: {}}))
