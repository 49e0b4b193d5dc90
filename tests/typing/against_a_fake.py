"""The site's own tests, against a Buffer that is not there."""

from typing import Any, assert_type

import pytest
from django.contrib.auth.models import User
from django.test import Client, TestCase

from buffer_connect.client import BufferClient
from buffer_connect.exceptions import BufferUnavailable, MutationFailed, RateLimited
from buffer_connect.testing import FakeBuffer, Post, SentRequest, fake_buffer

pytest_plugins = ["buffer_connect.testing.fixtures"]

CREATE_POST = "mutation ($post: CreatePostInput!) { createPost(input: $post) { __typename } }"


class Sharing(TestCase):
    buffer: FakeBuffer

    def setUp(self) -> None:
        self.buffer = self.enterContext(fake_buffer())
        self.user = User.objects.create_user("member")
        self.link = self.buffer.make_link(self.user, scopes=["posts:write"])

    def share(self) -> dict[str, Any]:
        return BufferClient(self.link).execute(CREATE_POST, {"post": {"text": "Hello"}})

    def told(self, post: Post, sent: SentRequest) -> tuple[Any, ...]:
        assert_type(sent.status, int | None)
        asked = sent.endpoint, sent.link, sent.query, sent.variables
        return post.link, post.user, post.text, post.channel_id, post.given, *asked

    def test_a_post(self) -> None:
        self.share()
        (post,) = self.buffer.posts
        self.buffer.assert_no_secrets(str(self.told(post, self.buffer.requests[-1])))

    def test_trouble(self) -> None:
        with self.buffer.outage(), pytest.raises(BufferUnavailable):
            self.share()
        with self.buffer.rate_limit(retry_after=5, window="15m"), pytest.raises(RateLimited):
            self.share()
        with self.buffer.refuse_mutations("LimitReachedError"), pytest.raises(MutationFailed):
            self.share()
        self.buffer.lose_next_answer("token")
        self.buffer.revoke(self.link)

    def test_a_key(self) -> None:
        link = self.buffer.make_link(self.user, kind="api_key", account_id="keys")
        Client().post("/buffer/api-key/", {"key": self.buffer.make_key(link.account_id)})

    def test_connecting(self) -> None:
        address = Client().post("/buffer/connect/").headers["Location"]
        assert_type(self.buffer.authorize(address, deny=True), str)


@pytest.mark.django_db
def test_a_link(buffer: FakeBuffer, make_link: Any, user: User) -> None:
    link = make_link(user)
    assert buffer.requests == []
    assert link.is_active
