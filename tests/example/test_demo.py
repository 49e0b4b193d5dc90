"""The demo's story, processes and commands."""

import logging
import sys

import pytest
from django.core.management import CommandError, call_command

from buffer_connect.models import BufferLink
from example_project import sandbox_control
from example_project.demo.browser import Browser, UnexpectedPage
from example_project.demo.processes import (
    Process,
    ProcessFailed,
    free_port,
    start,
    stop,
    wait_for_line,
)
from example_project.demo.story import Story
from tests.example.links import connected


@pytest.fixture
def story(site, live_server, tmp_path, monkeypatch, caplog, listening):
    """The story in front of a real server, with the demo's user and the site's log."""
    monkeypatch.setenv("DEMO_FOLDER", str(tmp_path))
    call_command("prepare_demo")
    log = logging.FileHandler(tmp_path / "site.log")
    logger = logging.getLogger("buffer_connect")
    caplog.set_level(logging.INFO, "buffer_connect")
    logger.addHandler(log)
    yield Story(live_server.url, site.url, tmp_path / "site.log")
    logger.removeHandler(log)
    log.close()


@pytest.mark.long
def test_the_story_holds_on_a_running_site(story, site):
    steps = [step for _, step in story.steps()]
    sign_in, connect, _, call, _, revoke, meet_401, reconnect = steps
    for step in (sign_in, connect, call, revoke, meet_401, reconnect):
        step()
    assert [grant.revoked for grant in site.grants if grant.account == "account-1"] == [True, False]


@pytest.mark.long
def test_the_story_tells_what_it_missed(story):
    sign_in, *_ = (step for _, step in story.steps())
    sign_in()
    sandbox_control.issue("account-1")
    with pytest.raises(UnexpectedPage, match="has no button 'Call the API'"):
        story._call()


def test_the_browser_shows_an_error_page_s_text(site, live_server):
    with Browser() as browser, pytest.raises(UnexpectedPage, match="HTTP 404"):
        browser.open(f"{live_server.url}/nowhere/")


@pytest.mark.long
def test_prepare_demo_forgets_the_demo_user_s_links_only(site, user, db, monkeypatch, tmp_path):
    monkeypatch.setenv("DEMO_FOLDER", str(tmp_path))
    call_command("prepare_demo")
    demo_user = type(user).objects.get(username="demo")
    connected(site, demo_user)
    kept = connected(site, user, "account-2")
    call_command("prepare_demo")
    assert list(BufferLink.objects.all()) == [kept]


def test_a_process_that_ends_is_reported_with_its_last_lines(tmp_path):
    process = Process("site", [sys.executable, "-c", "print('no luck')"], tmp_path / "log")
    start([process], {})
    with pytest.raises(ProcessFailed, match=r"The site ended with code 0[\s\S]*no luck"):
        wait_for_line(process, "never said")


def test_stopping_ends_what_does_not_listen(tmp_path, monkeypatch):
    monkeypatch.setattr("example_project.demo.processes.PATIENCE", 0.2)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    process = Process("worker", [sys.executable, "-c", deaf], tmp_path / "log")
    start([process], {})
    stop([process])
    with pytest.raises(ProcessFailed, match="ended by signal"):
        process.check()


def test_a_port_that_is_taken_is_not_preferred(site):
    taken = int(site.url.rpartition(":")[2])
    assert free_port(taken) != taken


def test_the_check_refuses_buffer_itself():
    with pytest.raises(CommandError, match="unset BUFFER_CLIENT_ID"):
        call_command("demo", check=True)


def test_the_demo_asks_for_debug(site, settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG"):
        call_command("demo")
