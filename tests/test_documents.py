"""The README and the documentation: their code runs or compiles, and what they name is there."""

import re
from types import SimpleNamespace

import pytest
from django.core import checks
from django.core.management import get_commands
from django.utils.module_loading import import_string

from buffer_connect import decorators, wording
from buffer_connect.models import BufferLink
from buffer_connect.sealing import generate_entry
from buffer_connect.signals import link_revoked
from buffer_connect.templatetags import buffer_connect as tags
from buffer_connect.timing import Timing
from tests.documents import CHECKOUT, DOCS, Document, reference
from tests.links import link_to

DOCUMENTS = [Document(path) for path in (CHECKOUT / "README.md", *sorted(DOCS.rglob("*.md")))]
TOGETHER = "\n".join(document.text for document in DOCUMENTS)


def each(pattern):
    """Every match in every document, for `parametrize`."""
    found = [
        (document, match)
        for document in DOCUMENTS
        for match in re.findall(pattern, document.text, re.MULTILINE | re.DOTALL)
    ]
    return {"argvalues": found, "ids": [str(document) for document, _ in found]}


def run(block, **names):
    exec(block, names)
    return names


@pytest.mark.parametrize(("document", "block"), **each(r"^```python\n(.*?)^```"))
def test_its_code_compiles(document, block):
    compile(block, str(document), "exec")


@pytest.mark.parametrize(
    "line", sorted(set(re.findall(r"^from buffer_connect.*$", TOGETHER, re.MULTILINE)))
)
def test_what_it_imports_is_there(line):
    exec(line, {})


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r'"(buffer_connect\.[a-z.]+\.[A-Z]\w+)"', TOGETHER)))
)
def test_what_it_names_for_the_settings_is_there(path):
    assert import_string(path)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"[`$ ](buffer_[a-z_]+)[ `]", TOGETHER))))
def test_its_commands_are_there(name):
    known = {*get_commands(), *tags.register.tags, *vars(decorators), "buffer_connect"}
    assert name in known


@pytest.mark.parametrize(("document", "link"), **each(r"\]\(((?!https:)[^)#]+)"))
def test_its_links_lead_somewhere(document, link):
    assert (document.path.parent / link).exists()


def test_the_settings_of_the_quick_start_pass_the_checks(settings, monkeypatch):
    monkeypatch.setenv("BUFFER_CLIENT_ID", "a-client")
    monkeypatch.setenv("BUFFER_CONNECT_KEYS", generate_entry("2026-11"))
    block = Document(DOCS / "start.md").block("python", "INSTALLED_APPS")
    settings.BUFFER_CONNECT = run(block)["BUFFER_CONNECT"]
    found = checks.run_checks(tags=["buffer_connect"], include_deployment_checks=True, databases=[])
    assert found == []


@pytest.mark.django_db
def test_the_first_view_sends_a_stranger_to_connect(rf, user):
    view = run(Document(DOCS / "start.md").block("python", "def account"))["account"]
    request = rf.get("/account/")
    request.user = user
    assert view(request)["Location"] == "/buffer/connect/"


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


@pytest.mark.django_db
def test_the_post_of_the_client_page_is_one(sandbox, user):
    scopes = ["account:read", "posts:write", "offline_access"]
    link = link_to(sandbox, user)
    BufferLink.objects.filter(pk=link.pk).update(granted_scopes=scopes)
    share = run(reference("client").block("python", "CREATE_POST"))["share"]
    assert share(user, "channel-1", "Hello")["__typename"] == "PostActionSuccess"


# Sites of Django 6.1 name their mailers; the tests' site sends none otherwise.
@pytest.mark.filterwarnings("ignore:Django 2028 will not have a default mailer")
@pytest.mark.django_db
def test_the_receiver_of_the_signals_page_writes_to_the_user(sandbox, user, mailoutbox):
    receiver = run(reference("signals").block("python", "link_revoked"))["tell_user"]
    link_revoked.disconnect(receiver, sender=BufferLink)
    receiver(link=link_to(sandbox, user), reason="expired", event_id=None)
    assert mailoutbox[0].to == [user.email]


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
