from hashlib import sha1

import pytest

from firstread.access.accounts.guessable import is_listed, why_guessable
from firstread.errors import UsageError


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "Password2026!", "P@ssw0rd2026", "passwordpassword", "iloveyou12345", "qwertyuiop123",
        "1q2w3e4r5t6y", "123456789012", "987654321098", "abcdefghijkl", "aaaaaaaaaaaa", "ab12ab12ab12",
        "Liverpool2025!",
        "monkeydragon1", "2025-Welcome!", "qazwsxedcrfv", "letmein-letmein", "superman2024!!", "Radiology2026",
        "correcthorsebatterystaple", "correct horse battery staple", "administrator", "changeme!!!!!", "111122223333",
    ],
)  # fmt: skip
def test_what_is_tried_first_is_refused(password):
    assert why_guessable(password)


@pytest.mark.parametrize(
    "password",
    [
        "seven grey herons wade", "tram-Gletscher-6-Oboe", "gk4zPq9vLw2m", "我家门前有两棵枣树还有一条河",
        "no monkey reads thursday novels", "0pen the second window slowly",
    ],
)  # fmt: skip
def test_what_is_long_and_unlikely_is_taken(password):
    assert why_guessable(password) == ""


def test_the_name_of_the_account_is_no_password():
    own = ("m.lovelace", "Marguerite Lovelace")
    for password in (
        "lovelace2026!",
        "Marguerite1985",
        "m.lovelace.1234",
        "l0velace-2026",
        "LovelaceMarguerite",
    ):
        assert "name" in why_guessable(password, own=own)
        assert why_guessable(password) == "" or "common" in why_guessable(password)


def lines(*passwords, digits=40):
    return "".join(
        f"{sha1(p.encode()).hexdigest().upper()[:digits]}:7\n"
        for p in sorted(passwords, key=lambda p: sha1(p.encode()).hexdigest())
    )


@pytest.mark.parametrize("digits", [10, 40])
def test_every_line_of_a_file_of_digests_is_found_and_no_other(tmp_path, digits):
    file = tmp_path / "pwned.txt"
    known = [f"known {at}" for at in range(300)]
    file.write_text(lines(*known, digits=digits))
    assert all(is_listed(password, file) for password in known)
    assert not any(is_listed(f"other {at}", file) for at in range(300))
    assert why_guessable("seven grey herons wade", breaches=file) == ""
    file.write_text(lines("seven grey herons wade"))
    assert why_guessable("seven grey herons wade", breaches=file)


def test_a_file_that_is_none_of_digests_is_refused(tmp_path):
    (tmp_path / "words").write_text("monkey\ndragon\n")
    for path in (tmp_path / "words", tmp_path / "missing", tmp_path):
        with pytest.raises(UsageError, match="breached_passwords"):
            is_listed("x", path)
    (tmp_path / "empty").write_text("")
    assert not is_listed("x", tmp_path / "empty")
