import pytest

from buffer_connect.models import BufferLink


@pytest.fixture
def user(django_user_model, client):
    user = django_user_model.objects.create_user("member")
    client.force_login(user)
    return user


def test_a_text_is_posted_as_its_user(client, user, buffer, make_link):
    make_link(user)
    client.post("/share/", {"text": "Hello"})
    (post,) = buffer.posts
    assert (post.user, post.text) == (user, "Hello")


def test_whoever_removed_the_site_at_buffer_is_asked_to_reconnect(client, user, buffer, make_link):
    buffer.revoke(make_link(user))
    response = client.post("/share/", {"text": "Hello"})
    assert response.url.startswith("/buffer/connect/")


def test_whoever_did_not_allow_posts_is_asked_for_more(client, user, make_link):
    make_link(user, scopes=["posts:read"])
    response = client.post("/share/", {"text": "Hello"})
    assert response.url.startswith("/buffer/connect/?scope=posts%3Awrite")


def test_the_prompt_says_why_the_link_ended(client, user, make_link):
    make_link(user, status="revoked", reason="answer_lost")
    page = client.post("/share/", {"text": "Hello"}, follow=True)
    assert "An answer from Buffer was lost" in page.content.decode()


def test_what_buffer_has_against_a_post_is_said(client, user, buffer, make_link):
    make_link(user)
    with buffer.refuse_mutations("LimitReachedError", message="The queue is full."):
        response = client.post("/share/", {"text": "Hello"})
    assert (response.status_code, response.content) == (422, b"The queue is full.")


def test_an_outage_is_said_and_posts_nothing(client, user, buffer, make_link):
    make_link(user)
    with buffer.outage():
        response = client.post("/share/", {"text": "Hello"})
    assert (response.status_code, buffer.posts) == (503, [])


def test_a_lost_answer_is_not_sent_again(client, user, buffer, make_link):
    make_link(user)
    buffer.lose_next_answer()
    client.post("/share/", {"text": "Hello"})
    assert len(buffer.posts) == 1


def test_a_user_connects_an_account(client, user, buffer):
    response = client.post("/buffer/connect/")
    client.get(buffer.authorize(response.url))
    assert BufferLink.objects.for_user(user).active().exists()


def test_no_token_is_on_the_page(client, user, buffer, make_link):
    make_link(user)
    buffer.assert_no_secrets(client.get("/buffer/").content)
