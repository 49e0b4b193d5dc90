"""The recipes that hand tokens over, on the real models of those who kept them."""

from datetime import timedelta
from importlib import import_module
from time import time

import pytest
from django.conf import settings as site
from django.db import connection
from django.db.models import Value
from django.test import override_settings
from django.utils import timezone

from buffer_connect.client import BufferClient
from buffer_connect.models import BufferLink
from docs.examples import from_a_table
from example_project.models import UsualLink
from tests.links import held, tokens_of
from tests.packages import need

need("allauth")
need("social_django")

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.long,
    # Of a package that social-auth brings.
    pytest.mark.filterwarnings("ignore:defusedxml.cElementTree is deprecated:DeprecationWarning"),
]

APPS = ["allauth", "allauth.account", "allauth.socialaccount", "social_django"]
MIDDLEWARE = "allauth.account.middleware.AccountMiddleware"
TABLES = {
    "allauth.socialaccount.models": ("SocialApp", "SocialAccount", "SocialToken"),
    "social_django.models": ("UserSocialAuth",),
}
QUERY = "query { account { id } }"
SCOPES = ["account:read", "posts:read", "posts:write", "offline_access"]
AN_HOUR = timedelta(hours=1)


@pytest.fixture(scope="module", autouse=True)
def neighbours(django_db_setup, django_db_blocker):
    """Install the apps with their tables while the tests of this module run."""
    # The admin would keep what it finds in them for the tests of other modules.
    others = [name for name in site.INSTALLED_APPS if name != "django.contrib.admin"]
    # allauth looks for its middleware while it is installed.
    with_middleware = override_settings(MIDDLEWARE=[*site.MIDDLEWARE, MIDDLEWARE])
    with with_middleware, override_settings(INSTALLED_APPS=[*others, *APPS]):
        models = [
            getattr(import_module(module), name)
            for module, named in TABLES.items()
            for name in named
        ]
        with django_db_blocker.unblock(), connection.schema_editor() as editor:
            for model in models:
                editor.create_model(model)
        yield
        with django_db_blocker.unblock(), connection.schema_editor() as editor:
            for model in reversed(models):
                editor.delete_model(model)


@pytest.fixture
def issued(sandbox):
    return sandbox.issue(account="account-1", scopes=SCOPES)


@pytest.fixture
def of_allauth(user, issued):
    """A function that moves, and what it has to move: allauth's token."""
    models = import_module("allauth.socialaccount.models")
    account = models.SocialAccount.objects.create(user=user, provider="buffer", uid="account-1")
    row = models.SocialToken.objects.create(
        account=account,
        token=issued.access_token,
        token_secret=issued.refresh_token,
        expires_at=timezone.now() + AN_HOUR,
    )
    return import_module("docs.examples.from_allauth").move_all, row


@pytest.fixture
def of_social_auth(user, issued):
    """The same: the row of social-auth."""
    models = import_module("social_django.models")
    row = models.UserSocialAuth.objects.create(
        user=user,
        provider="buffer",
        uid="account-1",
        extra_data={
            "access_token": issued.access_token,
            "refresh_token": issued.refresh_token,
            "expires": 3600,
            "auth_time": int(time()),
            "token_type": "Bearer",
        },
    )
    return import_module("docs.examples.from_social_auth").move_all, row


@pytest.fixture
def of_a_table(user, issued):
    """The same: a table such as sites make."""
    row = UsualLink.objects.create(
        user=user,
        row_lock=False,
        access_token=issued.access_token,
        refresh_token=issued.refresh_token,
        expires_at=timezone.now() + AN_HOUR,
    )
    rows = UsualLink.objects.annotate(account_id=Value("account-1"))
    return lambda: from_a_table.move_all(rows), row


@pytest.fixture(params=["of_allauth", "of_social_auth", "of_a_table"])
def moving(request):
    return request.getfixturevalue(request.param)


def test_what_is_moved_calls_buffer(moving, user):
    move_all, _ = moving
    assert move_all() == {}
    link = BufferLink.objects.get()
    assert (link.user, link.account_id, link.granted_scopes) == (user, "account-1", SCOPES)
    assert BufferClient(link).execute(QUERY) == {"account": {"id": "account-1"}}


def test_what_is_moved_has_the_tokens_and_their_life(moving, issued):
    move_all, _ = moving
    move_all()
    link = held(BufferLink.objects.get())
    assert tokens_of(link) == (issued.access_token, issued.refresh_token)
    assert timedelta(minutes=59) < link.life_left <= AN_HOUR


def test_a_second_run_finds_nothing_to_move(moving):
    move_all, _ = moving
    move_all()
    before = BufferLink.objects.values().get()
    assert move_all() == {}
    assert BufferLink.objects.values().get() == before


def test_a_row_that_is_refused_stays_where_it_is(moving):
    move_all, row = moving
    spoil(row)
    assert list(move_all()) == [row.pk]
    assert not BufferLink.objects.exists()
    row.refresh_from_db()


def spoil(row):
    """Let its access token be none, wherever it stands."""
    columns = {
        "SocialToken": {"token": "with blank"},
        "UserSocialAuth": {"extra_data": {"access_token": "with blank"}},
        "UsualLink": {"access_token": "with blank"},
    }[type(row).__name__]
    type(row).objects.filter(pk=row.pk).update(**columns)


def test_the_old_place_has_no_token_any_more(of_allauth, of_social_auth):
    (move_tokens, token), (move_rows, row) = of_allauth, of_social_auth
    move_tokens()
    move_rows()
    row.refresh_from_db()
    assert not type(token).objects.exists()
    assert set(row.extra_data) == {"expires", "auth_time", "token_type"}


def test_who_signs_in_with_it_still_can(of_allauth, user):
    move_all, token = of_allauth
    move_all()
    assert type(token.account).objects.get().user == user


def test_an_unknown_end_is_refreshed_first(of_allauth, issued):
    move_all, token = of_allauth
    type(token).objects.update(expires_at=None)
    move_all()
    assert BufferClient(BufferLink.objects.get()).get_access_token() != issued.access_token


def test_scopes_that_social_auth_kept_are_those_granted(of_social_auth):
    move_all, row = of_social_auth
    row.extra_data["scope"] = "account:read"
    row.save()
    move_all()
    assert BufferLink.objects.get().granted_scopes == ["account:read"]
