from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from buffer_connect.conf import NAMES, Settings, conf
from buffer_connect.sealing import Secret, generate_entry
from buffer_connect.timing import Timing
from buffer_connect.values import did_you_mean

KEY = generate_entry("2026-11")
READABLE = sorted(name for name, it in vars(Settings).items() if isinstance(it, property))


@pytest.fixture
def configure(settings, monkeypatch):
    monkeypatch.delenv("OAUTHLIB_INSECURE_TRANSPORT", raising=False)

    def configure(**changes):
        settings.BUFFER_CONNECT = {"CLIENT_ID": "app", "ENCRYPTION_KEYS": [KEY], **changes}

    return configure


def test_the_defaults(configure):
    configure()
    assert {name: getattr(conf, name) for name in READABLE if name != "keyring"} == {
        "active_within": timedelta(days=30),
        "allow_api_keys": False,
        "api_url": "https://api.buffer.com",
        "authorization_endpoint": "https://auth.buffer.com/auth",
        "client_id": "app",
        "client_secret": None,
        "debug": False,
        "default_next_url": None,
        "instance": None,
        "introspection_endpoint": "https://auth.buffer.com/token/introspection",
        "is_dict": True,
        "issuer": "https://auth.buffer.com",
        "redirect_uri": None,
        "refresh_policy": "eager",
        "require_iss": True,
        "retention": timedelta(days=90),
        "revocation_endpoint": "https://auth.buffer.com/token/revocation",
        "scopes": ("account:read", "posts:read", "posts:write", "offline_access"),
        "timing": Timing(),
        "token_endpoint": "https://auth.buffer.com/token",
        "unknown_names": {},
        "use_tz": True,
    }


def test_a_change_of_the_settings_is_seen_at_once(configure):
    configure(CLIENT_ID="one")
    before = conf.client_id
    configure(CLIENT_ID="two")
    assert (before, conf.client_id) == ("one", "two")


def test_the_client_secret_is_a_secret(configure):
    configure(CLIENT_SECRET="the-canary")
    assert conf.client_secret == Secret("the-canary")
    assert "canary" not in repr(conf.client_secret)


def test_the_first_key_seals(configure):
    configure(ENCRYPTION_KEYS=[generate_entry("new"), KEY])
    assert conf.keyring.kids == ("new", "2026-11")


def test_the_endpoints_follow_from_the_issuer(configure):
    configure(ISSUER="https://id.example.com/tenant/")
    assert conf.issuer == "https://id.example.com/tenant/"
    assert conf.token_endpoint == "https://id.example.com/tenant/token"


def test_an_endpoint_can_be_named(configure):
    configure(ENDPOINTS={"token": "https://id.example.com/oauth/token?v=2"})
    assert conf.token_endpoint == "https://id.example.com/oauth/token?v=2"
    assert conf.authorization_endpoint == "https://auth.buffer.com/auth"


def test_revocation_and_introspection_can_be_turned_off(configure):
    configure(ENDPOINTS={"revocation": None, "introspection": None})
    assert conf.revocation_endpoint is conf.introspection_endpoint is None


def test_account_and_offline_access_are_always_asked(configure):
    configure(SCOPES=["posts:write", "posts:write"])
    assert conf.scopes == ("posts:write", "account:read", "offline_access")


def test_the_name_of_the_instance_is_the_same_in_capital_letters(configure):
    configure(INSTANCE="Production")
    assert conf.instance == "production"


def test_the_times_are_seconds(configure):
    configure(TIMING={"MARGIN": timedelta(seconds=30), "READ": timedelta(seconds=7.5)})
    assert (conf.timing.margin, conf.timing.read, conf.timing.lease) == (30.0, 7.5, 180.0)


def test_the_number_in_flight_is_a_number(configure):
    configure(TIMING={"IN_FLIGHT": 4})
    assert conf.timing.in_flight == 4


def seconds(**names):
    return {name: timedelta(seconds=value) for name, value in names.items()}


def test_the_times_of_the_demo_fit_together(configure):
    demo = seconds(MARGIN=30, PREFLIGHT=2, TOTAL=8, COMMIT=8, SKEW=1, LEASE=20, QUARANTINE=30)
    configure(TIMING=demo)
    assert conf.timing.quarantine == 30.0


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("client_id", {"CLIENT_ID": ""}, "client id"),
        ("client_id", {"CLIENT_ID": None}, "to a str"),
        ("client_secret", {"CLIENT_SECRET": b"x"}, "a str or None"),
        ("client_secret", {"CLIENT_SECRET": ""}, "None for a public client"),
        ("keyring", {"ENCRYPTION_KEYS": []}, "at least one key"),
        ("keyring", {"ENCRYPTION_KEYS": KEY}, "to a list"),
        ("keyring", {"ENCRYPTION_KEYS": ["2026-11"]}, "entry 1"),
        ("redirect_uri", {"REDIRECT_URI": "/buffer/callback/"}, "absolute URL"),
        ("redirect_uri", {"REDIRECT_URI": "https://a.example/#x"}, "fragment"),
        ("redirect_uri", {"REDIRECT_URI": "http://a.example/"}, "https"),
        ("redirect_uri", {"REDIRECT_URI": ""}, "absolute URL"),
        ("scopes", {"SCOPES": "posts:read"}, "to a list"),
        ("scopes", {"SCOPES": ["posts:read posts:write"]}, "without blanks"),
        ("scopes", {"SCOPES": [None]}, "without blanks"),
        ("issuer", {"ISSUER": None}, "to a str"),
        ("issuer", {"ISSUER": "https://a.example/?x=1"}, "without a query"),
        ("issuer", {"ISSUER": "https://user@a.example"}, "without blanks, user"),
        ("issuer", {"ISSUER": "https:///x"}, "absolute URL"),
        ("issuer", {"ISSUER": "https://a.example:port"}, "absolute URL"),
        ("issuer", {"ISSUER": "https://[::1"}, "absolute URL"),
        ("issuer", {"ISSUER": "https://a.example\\@b"}, "absolute URL"),
        ("issuer", {"ISSUER": "https://a.example/ x"}, "absolute URL"),
        ("issuer", {"ISSUER": "ftp://a.example"}, "absolute URL"),
        ("token_endpoint", {"ENDPOINTS": []}, "to a dict"),
        ("token_endpoint", {"ENDPOINTS": {"token": None}}, "cannot be turned off"),
        ("token_endpoint", {"ENDPOINTS": {"token": "token"}}, "absolute URL"),
        ("token_endpoint", {"ENDPOINTS": {"tokens": None}}, "Did you mean token"),
        ("api_url", {"API_URL": "api.buffer.com"}, "absolute URL"),
        ("require_iss", {"REQUIRE_ISS": 0}, "True or False"),
        ("default_next_url", {"DEFAULT_NEXT_URL": 1}, "a str or None"),
        ("instance", {"INSTANCE": 1}, "a str or None"),
        ("instance", {"INSTANCE": ""}, "1 to 100"),
        ("instance", {"INSTANCE": "x" * 101}, "1 to 100"),
        ("instance", {"INSTANCE": "the site"}, "without blanks"),
        ("instance", {"INSTANCE": "größer"}, "ASCII"),
        ("timing", {"TIMING": {"LEASES": 1}}, "Did you mean LEASE"),
        ("timing", {"TIMING": {1: 1}}, "It takes MARGIN"),
        ("timing", {"TIMING": {"READ": 5}}, "READ must be a positive timedelta"),
        ("timing", {"TIMING": seconds(READ=0)}, "READ must be a positive timedelta"),
        ("timing", {"TIMING": {"IN_FLIGHT": True}}, "positive int"),
        ("timing", {"TIMING": {"IN_FLIGHT": 0}}, "positive int"),
        ("timing", {"TIMING": seconds(LEASE=144)}, "LEASE must be at least"),
        ("timing", {"TIMING": seconds(QUARANTINE=254)}, "QUARANTINE must be at least"),
        ("retention", {"RETENTION": 90}, "to a timedelta"),
        ("retention", {"RETENTION": timedelta(0)}, "positive"),
        ("refresh_policy", {"REFRESH_POLICY": "on-demand"}, "one of eager, active, on_demand"),
        ("refresh_policy", {"REFRESH_POLICY": None}, "to a str"),
        ("active_within", {"ACTIVE_WITHIN": 30}, "to a timedelta"),
        ("active_within", {"ACTIVE_WITHIN": timedelta(0)}, "positive"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_used_is_refused_with_the_cure(configure, name, changes, says):
    configure(**changes)
    with pytest.raises(ImproperlyConfigured, match=says) as caught:
        getattr(conf, name)
    assert f'BUFFER_CONNECT["{next(iter(changes))}"]' in str(caught.value)


@pytest.mark.parametrize("timing", [seconds(LEASE=145), seconds(QUARANTINE=255)], ids=["L", "Q"])
def test_times_that_just_fit_are_taken(configure, timing):
    configure(TIMING=timing)
    assert conf.timing


def test_without_the_dict_the_first_thing_missing_is_named(settings):
    del settings.BUFFER_CONNECT
    with pytest.raises(ImproperlyConfigured, match="CLIENT_ID"):
        _ = conf.client_id


def test_the_setting_is_a_dict(settings):
    settings.BUFFER_CONNECT = ["CLIENT_ID"]
    with pytest.raises(ImproperlyConfigured, match="to a dict"):
        _ = conf.client_id


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8000/", "http://127.0.0.1:9/", "http://127.9.9.9/", "http://[::1]:80/"],
)
def test_plain_http_works_for_loopback_hosts_while_the_environment_says_so(
    configure, monkeypatch, url
):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    configure(API_URL=url)
    assert conf.api_url == url


@pytest.mark.parametrize("url", ["http://localhost/", "http://127.0.0.1/"])
def test_plain_http_is_refused_without_that_environment(configure, url):
    configure(API_URL=url)
    with pytest.raises(ImproperlyConfigured, match="OAUTHLIB_INSECURE_TRANSPORT"):
        _ = conf.api_url


@pytest.mark.parametrize(
    "url", ["http://a.example/", "http://localhost.a.example/", "http://10.0.0.1/"]
)
def test_plain_http_is_never_for_other_hosts(configure, monkeypatch, url):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    configure(API_URL=url)
    with pytest.raises(ImproperlyConfigured, match="loopback"):
        _ = conf.api_url


def test_an_unknown_key_is_found_with_the_nearest_name(configure):
    configure(CLIENTID="app", SECRET_SAUCE=1)
    assert conf.unknown_names == {"CLIENTID": "Did you mean CLIENT_ID?", "SECRET_SAUCE": ""}


def test_an_unknown_key_is_refused_at_run_time_too(configure):
    configure(REQUIRE_IS=False)
    with pytest.raises(ImproperlyConfigured, match="Did you mean REQUIRE_ISS"):
        _ = conf.require_iss


@pytest.mark.parametrize("name", NAMES)
def test_all_settings_are_required_at_once(configure, name):
    configure(**{name: 0.5})
    with pytest.raises(ImproperlyConfigured, match=name):
        conf.require_all()


def test_naive_times_are_refused(configure, settings):
    configure()
    settings.USE_TZ = False
    with pytest.raises(ImproperlyConfigured, match="USE_TZ = True"):
        _ = conf.client_id


def test_the_nearest_name_is_found_in_any_case():
    assert did_you_mean("scope", NAMES) == "Did you mean SCOPES?"


def frames(error):
    """Return the locals of every frame that an error report would show for ``error``."""
    shown, traceback = [], error.__traceback__
    while traceback:
        shown.append(repr(traceback.tb_frame.f_locals))
        traceback = traceback.tb_next
    following = error.__cause__ or error.__context__
    return shown + (frames(following) if following else [])


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("keyring", {"ENCRYPTION_KEYS": [KEY, "broken"]}),
        ("keyring", {"ENCRYPTION_KEYS": (KEY,)}),
        ("client_secret", {"CLIENT_SECRET": [KEY]}),
    ],
    ids=["entry", "type", "secret"],
)
def test_an_error_report_shows_no_key_and_no_secret(configure, name, changes):
    configure(**changes)
    with pytest.raises(ImproperlyConfigured) as caught:
        getattr(conf, name)
    # The first frame is this test's own.
    assert KEY.partition(":")[2] not in str(caught.value) + "".join(frames(caught.value)[1:])
