import base64
import copy
import json
import pickle
import subprocess
import sys
from dataclasses import replace
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from buffer_connect.exceptions import KeyUnavailable, Tampered, UnknownVersion
from buffer_connect.sealing import (
    InvalidKeys,
    Keyring,
    Place,
    Secret,
    generate_entry,
    kid_of,
)

PLACE = Place(
    purpose="link refresh token",
    table="buffer_connect_bufferlink",
    column="refresh_token",
    row=UUID(int=1),
    epoch=UUID(int=2),
)
OLD, NEW = generate_entry("2026-10"), generate_entry("2026-11")
KEYRING = Keyring.parse([NEW, OLD])
TOKEN = Secret("a-refresh-token/with+=&")
BLOB = KEYRING.seal(TOKEN, PLACE)

ELSEWHERE = {
    "another purpose": replace(PLACE, purpose="link access token"),
    "another table": replace(PLACE, table="buffer_connect_pendingrevocation"),
    "another column": replace(PLACE, column="access_token"),
    "another row": replace(PLACE, row=UUID(int=3)),
    "another epoch": replace(PLACE, epoch=UUID(int=3)),
    "no epoch": replace(PLACE, epoch=None),
    "table and column cut differently": replace(
        PLACE, table=PLACE.table + "r", column="efresh_token"
    ),
}


def entry_of(key, kid="k"):
    return f"{kid}:{base64.b64encode(key).decode()}"


# Lone surrogates too, and without the tables that st.text() builds.
texts = st.lists(st.integers(0, 0x10FFFF).map(chr), max_size=50).map("".join)


@given(texts)
def test_every_text_makes_the_round_trip(text):
    assert KEYRING.open(KEYRING.seal(Secret(text), PLACE), PLACE) == Secret(text)


def test_a_token_of_16_kilobytes_makes_the_round_trip():
    token = Secret("t" * 16_384)
    assert KEYRING.open(KEYRING.seal(token, PLACE), PLACE) == token


def test_a_place_without_an_epoch_makes_the_round_trip():
    place = replace(PLACE, epoch=None)
    assert KEYRING.open(KEYRING.seal(TOKEN, place), place) == TOKEN


def test_a_memoryview_opens_as_postgresql_returns_it():
    assert KEYRING.open(memoryview(BLOB), PLACE) == TOKEN


def test_the_sealed_value_does_not_hold_the_secret():
    assert TOKEN.reveal().encode() not in BLOB


def test_the_same_secret_is_never_sealed_to_the_same_bytes():
    assert KEYRING.seal(TOKEN, PLACE) != KEYRING.seal(TOKEN, PLACE)


def test_a_sealed_value_names_its_version_and_key():
    assert BLOB.startswith(b"\x01\x072026-11")
    assert kid_of(BLOB) == kid_of(memoryview(BLOB)) == "2026-11"


@pytest.mark.parametrize("place", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_a_value_copied_elsewhere_does_not_open(place):
    with pytest.raises(Tampered):
        KEYRING.open(BLOB, place)


@given(st.data())
def test_a_value_swapped_between_two_rows_does_not_open(data):
    rows = data.draw(st.lists(st.uuids(), min_size=2, max_size=2, unique=True))
    blob = KEYRING.seal(TOKEN, replace(PLACE, row=rows[0]))
    with pytest.raises(Tampered):
        KEYRING.open(blob, replace(PLACE, row=rows[1]))


def test_a_change_of_any_byte_is_noticed():
    for position in range(len(BLOB)):
        changed = bytearray(BLOB)
        changed[position] ^= 0x20
        with pytest.raises((Tampered, KeyUnavailable, UnknownVersion)):
            KEYRING.open(bytes(changed), PLACE)


def test_a_value_cut_short_is_noticed():
    for length in range(len(BLOB)):
        with pytest.raises(Tampered):
            KEYRING.open(BLOB[:length], PLACE)


@given(st.binary(max_size=80))
def test_arbitrary_bytes_fail_in_one_of_the_three_ways(blob):
    with pytest.raises((Tampered, KeyUnavailable, UnknownVersion)):
        KEYRING.open(blob, PLACE)


def test_a_value_of_another_version_is_told_apart():
    with pytest.raises(UnknownVersion) as caught:
        KEYRING.open(b"\x02" + BLOB[1:], PLACE)
    assert caught.value.version == 2


def test_a_missing_key_is_named():
    with pytest.raises(KeyUnavailable) as caught:
        Keyring.parse([OLD]).open(BLOB, PLACE)
    assert caught.value.kid == "2026-11"


def test_a_key_of_the_same_id_that_is_another_key_does_not_open():
    with pytest.raises(Tampered):
        Keyring.parse([generate_entry("2026-11")]).open(BLOB, PLACE)


def test_the_first_key_seals_and_the_others_open():
    blob = Keyring.parse([OLD]).seal(TOKEN, PLACE)
    assert KEYRING.open(blob, PLACE) == TOKEN
    assert (KEYRING.kid, KEYRING.kids) == ("2026-11", ("2026-11", "2026-10"))


def test_a_digest_is_recognised_by_the_key_it_names():
    digest = Keyring.parse([OLD]).digest(TOKEN, "held")
    assert digest.startswith("2026-10:")
    assert KEYRING.verify_digest(digest, TOKEN, "held")


def test_equal_tokens_have_equal_digests():
    assert KEYRING.digest(TOKEN, "held") == KEYRING.digest(Secret(TOKEN.reveal()), "held")


def test_a_digest_belongs_to_one_secret_and_one_purpose():
    digest = KEYRING.digest(TOKEN, "held")
    assert not KEYRING.verify_digest(digest, Secret("another"), "held")
    assert not KEYRING.verify_digest(digest, TOKEN, "other")


@pytest.mark.parametrize("digest", ["2026-11:", "2026-11:é", "2026-11"])
def test_a_broken_digest_is_of_nothing(digest):
    assert not KEYRING.verify_digest(digest, TOKEN, "held")


@pytest.mark.parametrize("digest", ["", "2025-01:00"])
def test_a_digest_without_its_key_cannot_be_judged(digest):
    with pytest.raises(KeyUnavailable):
        KEYRING.verify_digest(digest, TOKEN, "held")


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([], "at least one"),
        pytest.param(NEW, "at least one", id="a bare text"),
        ([""], "entry 1"),
        ([NEW, ""], "entry 2"),
        ([None], "entry 1"),
        ([NEW.partition(":")[2]], "with an id"),
        ([":" + NEW.partition(":")[2]], "with an id"),
        (["two words:" + NEW.partition(":")[2]], "with an id"),
        ([NEW.partition(":")[2] + ":2026-11"], "with an id"),
        (["k:not base64"], "32 random bytes"),
        (["k:é"], "32 random bytes"),
        ([entry_of(b"short")], "32 random bytes"),
        ([entry_of(bytes(range(33)))], "32 random bytes"),
        ([entry_of(bytes(32))], "not random"),
        ([entry_of(b"0123456789abcdef" * 2)], "not random"),
        ([entry_of(b"the passphrase of the whole team")], "not random"),
        ([NEW, NEW.replace("2026-11", "2026-12")], "another id"),
        ([NEW, generate_entry("2026-11")], "is taken"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_with_the_cure(entries, says):
    with pytest.raises(InvalidKeys, match=says) as caught:
        Keyring.parse(entries)
    assert NEW.partition(":")[2] not in str(caught.value)


@pytest.mark.parametrize("root", [b"short", bytes(32)], ids=["length", "pattern"])
def test_a_key_that_has_sealed_something_is_to_be_put_right_not_to_be_replaced(root):
    with pytest.raises(InvalidKeys, match=r"Correct entry 2 \(k\).*put its right value back"):
        Keyring.parse([NEW, entry_of(root)])


def test_blanks_around_an_entry_are_of_no_account():
    assert Keyring.parse([f" {NEW}\n"]).kid == "2026-11"


def test_a_generated_entry_is_a_key_of_its_own():
    assert generate_entry("k") != generate_entry("k")
    assert Keyring.parse([generate_entry("k")]).kids == ("k",)


@pytest.mark.parametrize("kid", ["", "a:b", "two words", "k" * 33, "ü"])
def test_an_unusable_id_is_refused(kid):
    with pytest.raises(InvalidKeys):
        generate_entry(kid)


def test_a_secret_shows_itself_to_reveal_only():
    secret = Secret("the-canary")
    shown = f"{secret} {secret!r} {[secret]} {secret.__class__.__name__}"
    assert "canary" not in shown
    assert secret.reveal() == "the-canary"


@pytest.mark.parametrize("module", [pickle, json], ids=["pickle", "json"])
@pytest.mark.parametrize("value", [Secret("the-canary"), KEYRING], ids=["secret", "keyring"])
def test_secrets_and_keys_are_not_serialised(module, value):
    with pytest.raises(TypeError) as caught:
        module.dumps(value)
    assert "canary" not in str(caught.value)


def test_the_repr_of_a_keyring_names_ids_and_no_key():
    assert repr(KEYRING) == "Keyring(kids=('2026-11', '2026-10'))"


def test_secrets_compare_with_secrets_only():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_a_secret_is_no_key_of_a_dict():
    with pytest.raises(TypeError):
        {Secret("a"): 1}


def test_an_empty_secret_is_false():
    assert not Secret("")
    assert Secret("a")


def test_a_copy_of_a_secret_is_the_secret():
    secret = Secret("a")
    assert copy.copy(secret) is copy.deepcopy(secret) is secret


def test_a_secret_holds_text_and_says_so_without_the_value():
    with pytest.raises(TypeError) as caught:
        Secret(b"the-canary")
    assert "canary" not in str(caught.value)


def length_prefixed(*parts):
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def test_the_stored_format_is_the_written_one():
    """Rows sealed by one release are opened by the next: a change here needs a new version."""
    root = base64.b64decode(NEW.partition(":")[2])
    info = length_prefixed(b"2026-11", b"link refresh token", UUID(int=1).bytes)
    subkey = HKDF(SHA256(), 32, b"buffer_connect/v1", info).derive(root)
    header = b"\x01\x072026-11"
    place = (b"buffer_connect_bufferlink", b"refresh_token", UUID(int=1).bytes, UUID(int=2).bytes)
    sealed = AESGCM(subkey).encrypt(b"n" * 12, b"token", length_prefixed(header, *place))
    assert KEYRING.open(header + b"n" * 12 + sealed, PLACE) == Secret("token")


def test_sealing_needs_no_django():
    code = "import sys, buffer_connect.sealing; print('django' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
