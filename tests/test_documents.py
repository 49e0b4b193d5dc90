"""The README and the documentation: their code runs or compiles, and what they name is there."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from celery.signals import task_failure
from django.core import checks
from django.core.management import get_commands
from django.test import AsyncRequestFactory
from django.utils.module_loading import import_string

from buffer_connect import decorators, wording
from buffer_connect.flows import status
from buffer_connect.flows.status import Key, Limits, Waiting, judge
from buffer_connect.management.commands.buffer_status import WAYS_OUT
from buffer_connect.models import BufferLink
from buffer_connect.sealing import generate_entry
from buffer_connect.signals import link_revoked
from buffer_connect.templatetags import buffer_connect as tags
from buffer_connect.testing import FakeBuffer, fake_buffer
from buffer_connect.timing import Timing
from tests.awaiting import awaited
from tests.documents import CHECKOUT, DOCS, Document, reference
from tests.links import link_to

DOCUMENTS = [Document(path) for path in (CHECKOUT / "README.md", *sorted(DOCS.rglob("*.md")))]
TASKS = Document(DOCS / "howto" / "tasks.md")
TOGETHER = "\n".join(document.text for document in DOCUMENTS)


each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=str)


def all_of(pattern):
    """What the documents together say that fits, once each."""
    return sorted(set(re.findall(pattern, TOGETHER, re.MULTILINE)))


def run(block, **names):
    exec(block, names)
    return names


@each_document
def test_its_code_compiles(document):
    for block in document.blocks("python"):
        compile(block, str(document), "exec")


@pytest.mark.parametrize("line", all_of(r"^from buffer_connect[^\n(]*(?:\([^)]*\))?"))
def test_what_it_imports_is_there(line):
    exec(line, {})


@pytest.mark.parametrize("path", all_of(r'"(buffer_connect\.[a-z.]+\.[A-Z]\w+)"'))
def test_what_it_names_for_the_settings_is_there(path):
    assert import_string(path)


def test_its_commands_are_there():
    known = {*get_commands(), *tags.register.tags, *vars(decorators), "buffer_connect"}
    named = all_of(r"[`$ ](buffer_[a-z_]+)[ `]")
    assert "buffer_status" in named
    assert set(named) <= known


@each_document
def test_its_links_lead_somewhere(document):
    links = re.findall(r"\]\(((?!https:)[^)#]+)", document.text)
    assert [link for link in links if not (document.path.parent / link).exists()] == []


def test_the_settings_of_the_installation_pass_the_checks(settings, monkeypatch):
    monkeypatch.setenv("BUFFER_CLIENT_ID", "a-client")
    monkeypatch.setenv("BUFFER_CONNECT_KEYS", generate_entry("2026-11"))
    monkeypatch.setenv("BUFFER_INSTANCE", "production")
    block = Document(DOCS / "installation.md").block("python", "CLIENT_ID")
    settings.BUFFER_CONNECT = run(block)["BUFFER_CONNECT"]
    found = checks.run_checks(tags=["buffer_connect"], include_deployment_checks=True, databases=[])
    assert found == []


def test_the_installation_makes_the_key_before_the_settings_ask_for_it():
    text = Document(DOCS / "installation.md").text
    assert text.index("buffer_generate_key") < text.index('os.environ["BUFFER_CONNECT_KEYS"]')


@pytest.mark.django_db
def test_the_first_view_sends_a_stranger_to_connect(rf, user):
    view = run(Document(DOCS / "installation.md").block("python", "def account"))["account"]
    request = rf.get("/account/")
    request.user = user
    assert view(request)["Location"] == "/buffer/connect/"


@pytest.mark.long
@pytest.mark.django_db
@pytest.mark.parametrize("path", ["README.md", "docs/quickstart.md"])
@pytest.mark.parametrize(
    ("trouble", "expires_in", "told"),
    [
        (FakeBuffer.rate_limit, 3600, b"try again later"),
        (FakeBuffer.outage, 0, b"try again later"),
        (FakeBuffer.outage, 3600, b"Look at Buffer"),
    ],
    ids=["rate limit", "no token", "no answer"],
)
def test_the_first_call_says_what_passes_by_itself(rf, user, path, trouble, expires_in, told):
    view = run(Document(CHECKOUT / path).block("python", "def share"))["share"]
    request = rf.post("/share/", {"text": "Hello"})
    request.user = user
    with fake_buffer() as buffer:
        buffer.make_link(user, expires_in=expires_in)
        with trouble(buffer):
            response = view(request)
    assert response.status_code == 503
    assert told in response.content


@pytest.mark.django_db
def test_the_view_of_the_prompt_page_sends_a_stranger_to_connect(rf, user):
    view = run(Document(DOCS / "howto" / "prompt.md").block("python", "def share"))["share"]
    request = rf.get("/share/")
    request.user = user
    assert view(request)["Location"] == "/buffer/connect/?scope=posts%3Awrite&next=%2Fshare%2F"


@pytest.mark.django_db
def test_the_call_of_the_own_http_page_goes_again_with_another_token(sandbox, user):
    block = Document(DOCS / "howto" / "own-http.md").block("python", "report_unauthorized")
    answers, sent = iter([401, 200]), []

    def send(token):
        sent.append(token)
        return SimpleNamespace(status_code=next(answers))

    assert run(block)["call"](link_to(sandbox, user), send).status_code == 200
    assert len(set(sent)) == 2


@pytest.mark.django_db
def test_the_handover_of_the_adopt_page_makes_a_link(user):
    row = SimpleNamespace(
        user=user,
        buffer_account_id="account-1",
        access_token="an-access-token",
        refresh_token="a-refresh-token",
        seconds_left=0,
        scope="account:read offline_access",
    )
    block = Document(DOCS / "howto" / "adopt.md").block("python", "def hand_over")
    assert run(block)["hand_over"](row).is_active


@pytest.fixture
def link(sandbox, user):
    """A link that may post; its account has posted before."""
    scopes = ["account:read", "posts:read", "posts:write", "offline_access"]
    sandbox.post("Hello")
    link = link_to(sandbox, user)
    BufferLink.objects.filter(pk=link.pk).update(granted_scopes=scopes)
    return link


def on_the_graphql_page(naming, name):
    return run(Document(DOCS / "howto" / "graphql.md").block("python", naming))[name]


def test_the_channels_of_the_graphql_page_are_those_of_the_account(link):
    found = on_the_graphql_page("CHANNELS", "channels")(link)
    assert {channel["service"] for channel in found} == {"mastodon", "bluesky", "linkedin"}


def test_the_post_of_the_graphql_page_is_one(user, link):
    post, refused = on_the_graphql_page("CREATE_POST = ", "share")(user, "channel-1", "Hello")
    assert (set(post), refused) == ({"id", "dueAt"}, "")


def test_the_graphql_page_says_why_a_post_is_none(user, link):
    shared = on_the_graphql_page("CREATE_POST = ", "share")(user, "channel-1", "")
    assert shared == (None, "A post needs a text")


def test_the_posts_of_the_graphql_page_are_those_of_the_account(link):
    posts = on_the_graphql_page("POSTS = ", "scheduled")(link, "organization-1")
    assert [post["text"] for post in posts] == ["Hello"]


def test_the_limit_of_the_graphql_page_is_what_is_left(user, link):
    client = on_the_graphql_page("timedelta", "patient")(user)
    client.execute("query { account { id } }")
    assert on_the_graphql_page("requests_left", "requests_left")(client) == 99


def test_the_post_of_the_client_page_is_one(user, link):
    share = run(reference("client").block("python", "CREATE_POST"))["share"]
    assert share(user, "channel-1", "Hello")["__typename"] == "PostActionSuccess"


@pytest.fixture(scope="module")
def publish():
    """The task of the tasks page; Celery knows a name once."""
    return run(TASKS.block("python", "CREATE_POST"), __name__="posts.tasks")["publish"]


@pytest.mark.django_db
def test_the_task_of_the_tasks_page_posts(sandbox, user, publish):
    scopes = ["account:read", "posts:write", "offline_access"]
    link = link_to(sandbox, user)
    BufferLink.objects.filter(pk=link.pk).update(granted_scopes=scopes)
    outcome = publish.apply(args=[str(link.uid), "channel-1", "Hello"])
    assert outcome.result["__typename"] == "PostActionSuccess"


@pytest.mark.django_db
def test_the_receiver_of_the_tasks_page_is_told_which_link_has_ended(publish, capsys):
    receiver = run(TASKS.block("python", "task_failure"))["keep_for_later"]
    publish.apply(args=["8a4d7d0e-2b59-4d2b-9bb4-3c1f0d6e0c55", "channel-1", "Hello"])
    task_failure.disconnect(receiver)
    assert "reconnects 8a4d7d0e-2b59-4d2b-9bb4-3c1f0d6e0c55" in capsys.readouterr().out


@pytest.mark.django_db
def test_the_plain_task_of_the_tasks_page_is_told_the_user(sandbox, user):
    link_to(sandbox, user)
    task = run(TASKS.block("python", "account_of"), __name__="posts.tasks")["account_of"]
    assert task.apply(args=[user.pk]).result["id"] == "account-1"


@pytest.mark.django_db(transaction=True)
def test_the_accounts_of_the_async_page_are_asked_at_once(sandbox, user):
    links = [link_to(sandbox, user, account=f"account-{n}") for n in (1, 2)]
    block = Document(DOCS / "howto" / "async.md").block("python", "gather")
    found = awaited(run(block)["accounts"](links))
    assert [account["id"] for account in found] == ["account-1", "account-2"]


@pytest.mark.django_db(transaction=True)
def test_the_view_of_the_async_page_answers(sandbox, user):
    async def auser():
        return user

    link_to(sandbox, user)
    view = run(Document(DOCS / "howto" / "async.md").block("python", "@buffer_link_required"))[
        "account"
    ]
    request = AsyncRequestFactory().get("/account/")
    request.auser = auser
    assert b"account-1" in awaited(view(request)).content


# Sites of Django 6.1 name their mailers; the tests' site sends none otherwise.
@pytest.mark.filterwarnings("ignore:Django 2028 will not have a default mailer")
@pytest.mark.django_db
def test_the_receiver_of_the_signals_page_writes_to_the_user(sandbox, user, mailoutbox):
    receiver = run(reference("signals").block("python", "link_revoked"))["tell_user"]
    link_revoked.disconnect(receiver, sender=BufferLink)
    receiver(link=link_to(sandbox, user), reason="expired", event_id=None)
    assert mailoutbox[0].to == [user.email]


@pytest.mark.django_db
def test_the_incidents_page_shows_what_buffer_status_says():
    numbers = {
        "breaker_open_seconds": 60.0,
        "brake_on_seconds": 60.0,
        "held_back": {"revoked_at_buffer": 3},
        "last_sweep_seconds": 1.0,
        "due": Waiting(count=1, oldest_seconds=601.0),
        "breaker_of_others_seconds": 60.0,
        "blocked": {"Tampered": 200},
        "errors": {"no_answer": 200},
        "unserved": Waiting(count=200, oldest_seconds=901.0),
        "keys": (Key(kid="2026-05", links=200, revocations=0, held=False, seals=False),),
    }
    shown = replace(status.read(), **numbers)
    asks_wrongly = replace(
        status.read(), last_sweep_seconds=1.0, errors={"unauthorized_client": 200}
    )
    findings = judge(shown, Limits()) + judge(asks_wrongly, Limits())
    said = {f"{finding.level.name}: {finding.text}" for finding in findings}
    said |= {told.format(3) for *_, told in WAYS_OUT}
    blocks = Document(DOCS / "howto" / "incidents.md").blocks("text")
    assert {block.strip() for block in blocks} == said


def test_the_short_times_of_the_sandbox_page_fit_together():
    block = Document(DOCS / "howto" / "sandbox.md").block("python", "QUARANTINE")
    assert Timing.of(run(block)["TIMING"]).quarantine == 30


def test_the_access_log_of_the_deployment_page_has_no_query():
    block = Document(DOCS / "howto" / "deployment.md").block("python", "access_log_format")
    assert not re.search(r"%\((r|q|f)\)s", run(block)["access_log_format"])


def test_every_end_is_told_in_the_words_that_the_user_reads():
    table = Document(DOCS / "endings.md").table("What ends a link")
    told = {reason: words for reason, (_, words) in table.items()}
    assert told == {str(reason): str(words) for reason, words in wording.REASONS.items()}
