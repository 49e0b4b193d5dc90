import re
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buffer_connect.exceptions import AuthorizationFailed
from buffer_connect.oauth.authorization import (
    InvalidResponse,
    Problem,
    authorization_url,
    code_challenge,
    new_state,
    new_verifier,
    read_state,
    validate_authorization_response,
)
from buffer_connect.sealing import Secret

ISSUER = "https://auth.buffer.com"
STATE = "s" * 43


def response(**changes):
    params = {"state": [STATE], "iss": [ISSUER], "code": ["a-code/+=&"], **changes}
    return {name: values for name, values in params.items() if values is not None}


def validate(params, *, require_iss=True):
    return validate_authorization_response(params, issuer=ISSUER, require_iss=require_iss)


def url(endpoint="https://auth.buffer.com/auth"):
    return authorization_url(
        endpoint,
        client_id="app & co",
        redirect_uri="https://site.example/buffer/callback/?a=1&b=2",
        scopes=["account:read", "offline_access"],
        state=Secret(STATE),
        challenge="a-challenge",
    )


def test_the_challenge_of_rfc_7636_appendix_b():
    verifier = Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert code_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_verifier_is_long_enough_unreserved_and_new_each_time():
    verifier = new_verifier()
    assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier.reveal())
    assert verifier != new_verifier()


def test_a_state_is_one_that_comes_back_and_new_each_time():
    state = new_state()
    assert read_state(response(state=[state.reveal()])) == state
    assert state != new_state()


def test_the_authorization_request():
    assert parse_qs(urlsplit(url()).query, strict_parsing=True) == {
        "response_type": ["code"],
        "client_id": ["app & co"],
        "redirect_uri": ["https://site.example/buffer/callback/?a=1&b=2"],
        "scope": ["account:read offline_access"],
        "state": [STATE],
        "code_challenge": ["a-challenge"],
        "code_challenge_method": ["S256"],
        "prompt": ["consent"],
    }
    assert url().startswith("https://auth.buffer.com/auth?")


def test_a_query_of_the_endpoint_is_kept():
    query = parse_qsl(urlsplit(url("https://id.example/auth?tenant=a%20b")).query)
    assert query[:2] == [("tenant", "a b"), ("response_type", "code")]


def test_a_right_response_gives_its_code():
    assert validate(response()).value == Secret("a-code/+=&")


def test_a_code_is_not_shown():
    assert "a-code" not in repr(validate(response()))


def test_an_unknown_parameter_is_of_no_account():
    assert validate(response(session_state=["x", "y"], scope=["z" * 9000]))


@pytest.mark.parametrize("iss", [None, [], [""]], ids=str)
def test_an_absent_iss_can_be_allowed(iss):
    assert validate(response(iss=iss), require_iss=False)


CORPUS = {
    "no state": (response(state=None), Problem.MISSING_STATE),
    "an empty state": (response(state=[""]), Problem.MISSING_STATE),
    "nothing at all": ({}, Problem.MISSING_STATE),
    "a short state": (response(state=["s" * 42]), Problem.MALFORMED_STATE),
    "a long state": (response(state=["s" * 44]), Problem.TOO_LONG),
    "a huge state": (response(state=["s" * 1_000_000]), Problem.TOO_LONG),
    "a state with a line break": (response(state=["s" * 42 + "\n"]), Problem.MALFORMED_STATE),
    "a state with a NUL": (response(state=["s" * 42 + "\0"]), Problem.MALFORMED_STATE),
    "a state of other letters": (response(state=["\u017f" * 43]), Problem.MALFORMED_STATE),
    "two states": (response(state=[STATE, STATE]), Problem.DOUBLED),
    "two states, one empty": (response(state=[STATE, ""]), Problem.DOUBLED),
    "two codes": (response(code=["a", "b"]), Problem.DOUBLED),
    "two issuers": (response(iss=[ISSUER, ISSUER]), Problem.DOUBLED),
    "two errors": (response(error=["a", "b"]), Problem.DOUBLED),
    "a long code": (response(code=["c" * 4097]), Problem.TOO_LONG),
    "a long error": (response(error=["e" * 201]), Problem.TOO_LONG),
    "a long issuer": (response(iss=["i" * 2001]), Problem.TOO_LONG),
    "no issuer": (response(iss=None), Problem.MISSING_ISS),
    "an empty issuer": (response(iss=[""]), Problem.MISSING_ISS),
    "an issuer with a slash": (response(iss=[ISSUER + "/"]), Problem.WRONG_ISS),
    "an issuer in capitals": (response(iss=[ISSUER.upper()]), Problem.WRONG_ISS),
    "an issuer with a port": (response(iss=[ISSUER + ":443"]), Problem.WRONG_ISS),
    "an issuer with a blank": (response(iss=[ISSUER + " "]), Problem.WRONG_ISS),
    "an issuer by http": (response(iss=["http://auth.buffer.com"]), Problem.WRONG_ISS),
    "an issuer that looks alike": (
        response(iss=["https://auth.buff\u0435r.com"]),
        Problem.WRONG_ISS,
    ),
    "an error of no issuer": (response(iss=None, error=["access_denied"]), Problem.MISSING_ISS),
    "an error of another issuer": (
        response(iss=["https://evil.example"], error=["access_denied"]),
        Problem.WRONG_ISS,
    ),
    "no code": (response(code=None), Problem.MISSING_CODE),
    "an empty code": (response(code=[""]), Problem.MISSING_CODE),
    "an empty error and no code": (response(code=None, error=[""]), Problem.MISSING_CODE),
}


@pytest.mark.parametrize(("params", "problem"), CORPUS.values(), ids=CORPUS.keys())
def test_a_response_that_is_not_accepted(params, problem):
    with pytest.raises(InvalidResponse) as caught:
        validate(params)
    assert caught.value.problem is problem


SHAPES = (Problem.MISSING_STATE, Problem.MALFORMED_STATE, Problem.TOO_LONG, Problem.DOUBLED)


@pytest.mark.parametrize(
    ("params", "problem"),
    [case for case in CORPUS.values() if case[1] in SHAPES],
    ids=[name for name, case in CORPUS.items() if case[1] in SHAPES],
)
def test_the_shape_is_looked_at_before_any_query(params, problem):
    with pytest.raises(InvalidResponse) as caught:
        read_state(params)
    assert caught.value.problem is problem


def test_a_wrong_issuer_is_refused_even_where_none_is_required():
    with pytest.raises(InvalidResponse) as caught:
        validate(response(iss=["https://evil.example"]), require_iss=False)
    assert caught.value.problem is Problem.WRONG_ISS


def test_a_code_of_4096_characters_is_taken():
    assert validate(response(code=["c" * 4096]))


@pytest.mark.parametrize("code", [None, ["a-code"]], ids=["alone", "with a code"])
@pytest.mark.parametrize(
    "error",
    [
        "access_denied",
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "invalid_scope",
        "never_heard_of",
    ],
)
def test_an_error_is_an_error_with_a_code_beside_it_too(error, code):
    with pytest.raises(AuthorizationFailed) as caught:
        validate(response(error=[error], code=code))
    assert caught.value.error == error


def test_the_description_of_an_error_is_one_short_line():
    with pytest.raises(AuthorizationFailed) as caught:
        validate(response(error=["x"], error_description=["one\ntwo" + "y" * 9000, "another"]))
    assert caught.value.description.startswith("one\\ntwo")
    assert len(caught.value.description) <= 210


values = st.lists(
    st.sampled_from(["", STATE, ISSUER, "access_denied"])
    | st.text(st.characters(codec="ascii"), max_size=50),
    max_size=2,
)


@given(
    st.dictionaries(st.sampled_from(["state", "iss", "error", "code", "x"]), values), st.booleans()
)
def test_every_response_is_a_code_or_one_of_two_refusals(params, require_iss):
    try:
        code = validate(params, require_iss=require_iss)
    except (InvalidResponse, AuthorizationFailed):
        return
    assert code.value == Secret(params["code"][0])
    assert params["state"] == [STATE] or len(params["state"][0]) == 43
    assert params.get("iss") in ([ISSUER], None, [], [""])
