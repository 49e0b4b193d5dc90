import pytest
from django.contrib.sessions.middleware import SessionMiddleware

from tests.checks.conftest import GOOD, look

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"


class OwnSessions(SessionMiddleware):
    pass


def own_middleware(get_response):
    return get_response


def test_pages_without_an_address_draw_a_warning(site, ids):
    site.ROOT_URLCONF = "tests.checks.empty_urls"
    assert ids() == ["W007"]


def test_a_site_without_any_address_is_a_worker(site, ids):
    del site.ROOT_URLCONF
    assert ids() == []


def test_the_line_to_paste_goes_into_the_urls(site):
    site.ROOT_URLCONF = "tests.checks.empty_urls"
    ((_, message),) = look()
    assert message.hint == 'path("buffer/", include("buffer_connect.urls")),'


def test_a_namespace_of_the_sites_own_is_found(site, ids):
    site.ROOT_URLCONF = "tests.connect.named_urls"
    assert "W007" not in ids()


@pytest.mark.parametrize("path", ["/callback/", "/buffer/", "/buffer/callback"])
def test_a_redirect_uri_that_leads_elsewhere_draws_a_warning(site, path):
    site.BUFFER_CONNECT = {**GOOD, "REDIRECT_URI": f"https://site.example{path}"}
    ((number, message),) = look()
    assert number == "W008"
    assert message.hint == '"REDIRECT_URI": "https://site.example/buffer/callback/",'


def test_an_address_with_a_language_is_found_whatever_language_is_on(site, ids):
    site.ROOT_URLCONF = "tests.checks.language_urls"
    site.BUFFER_CONNECT = {**GOOD, "REDIRECT_URI": "https://site.example/de/buffer/callback/"}
    assert ids() == []


@pytest.mark.parametrize("name", [SESSIONS, AUTHENTICATION])
def test_pages_without_their_middleware_are_an_error(site, name):
    site.MIDDLEWARE = [each for each in site.MIDDLEWARE if each != name]
    ((number, message),) = look()
    assert number == "E018"
    assert name in message.hint


@pytest.mark.parametrize("name", ["django.contrib.sessions", "django.contrib.contenttypes"])
def test_pages_without_their_apps_are_an_error(site, name):
    site.INSTALLED_APPS = [each for each in site.INSTALLED_APPS if each != name]
    numbers = {(number, message.hint) for number, message in look()}
    assert numbers == {("E018", f'INSTALLED_APPS = [..., "{name}"]')}


def test_a_middleware_that_extends_djangos_will_do(site, ids):
    own = f"{__name__}.OwnSessions"
    site.MIDDLEWARE = [own if each == SESSIONS else each for each in site.MIDDLEWARE]
    assert ids() == []


@pytest.mark.parametrize("name", ["tests.nowhere.Sessions", f"{__name__}.own_middleware"])
def test_a_middleware_that_is_something_else_will_not(site, ids, name):
    site.MIDDLEWARE = [name if each == SESSIONS else each for each in site.MIDDLEWARE]
    assert ids() == ["E018"]


def test_without_pages_nothing_is_needed(site, ids):
    site.ROOT_URLCONF, site.MIDDLEWARE = "tests.checks.empty_urls", []
    assert ids() == ["W007"]


def test_a_session_that_stays_behind_draws_a_warning(site, ids):
    site.SESSION_COOKIE_SAMESITE = "Strict"
    assert ids() == ["W005"]


@pytest.mark.parametrize("value", ["Lax", "None", False])
def test_a_session_that_comes_back_passes(site, ids, value):
    site.SESSION_COOKIE_SAMESITE = value
    assert ids() == []


SELF = "'self'"
CLOSED = [
    [SELF],
    ["'none'"],
    SELF,
    "",
    ["http://auth.buffer.com"],
    ["https://buffer.com"],
    ["https://auth.buffer.com.example"],
    ["https://auth.buffer.com:8443"],
    ["https://*.example"],
    [],
]
OPEN = [
    [SELF, "https://auth.buffer.com"],
    (SELF, "https://auth.buffer.com:443/"),
    {SELF, "https://*.buffer.com"},
    f"{SELF} https://auth.buffer.com",
    ["auth.buffer.com"],
    ["https://auth.buffer.com:*"],
    ["https:"],
    ["*"],
    None,
    False,
]


@pytest.mark.parametrize("sources", CLOSED, ids=range(len(CLOSED)))
def test_a_form_that_cannot_leave_for_buffer_draws_a_warning(site, sources):
    site.SECURE_CSP = {"form-action": sources}
    ((number, message),) = look()
    assert number == "W006"
    assert '"https://auth.buffer.com"' in message.hint


@pytest.mark.parametrize("sources", OPEN, ids=range(len(OPEN)))
def test_a_form_that_can_leave_for_buffer_passes(site, ids, sources):
    site.SECURE_CSP = {"form-action": sources}
    assert ids() == []


def test_a_policy_that_says_nothing_of_forms_passes(site, ids):
    site.SECURE_CSP = {"default-src": [SELF]}
    assert ids() == []


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("CONTENT_SECURITY_POLICY", {"DIRECTIVES": {"form-action": [SELF]}}),
        ("CSP_FORM_ACTION", (SELF,)),
    ],
)
def test_the_policies_of_django_csp_are_read_too(site, ids, name, policy):
    setattr(site, name, policy)
    assert ids() == ["W006"]


def test_the_policy_must_let_forms_go_where_the_authorization_endpoint_is(site, ids):
    site.SECURE_CSP = {"form-action": ["https://auth.buffer.com"]}
    elsewhere = {"authorization": "https://login.example:8443/auth"}
    site.BUFFER_CONNECT = {**GOOD, "ENDPOINTS": elsewhere}
    assert ids() == ["W006"]
    site.SECURE_CSP = {"form-action": ["https://login.example:8443"]}
    assert ids() == []
