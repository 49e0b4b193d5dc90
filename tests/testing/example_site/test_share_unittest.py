from django.contrib.auth import get_user_model
from django.test import TestCase

from buffer_connect.testing import fake_buffer


class ShareTests(TestCase):
    def setUp(self):
        self.buffer = self.enterContext(fake_buffer())
        self.user = get_user_model().objects.create_user("member")
        self.client.force_login(self.user)

    def test_a_text_is_posted_as_its_user(self):
        self.buffer.make_link(self.user)
        self.client.post("/share/", {"text": "Hello"})
        (post,) = self.buffer.posts
        self.assertEqual((post.user, post.text), (self.user, "Hello"))

    def test_whoever_removed_the_site_at_buffer_is_asked_to_reconnect(self):
        self.buffer.revoke(self.buffer.make_link(self.user))
        response = self.client.post("/share/", {"text": "Hello"})
        self.assertTrue(response.url.startswith("/buffer/connect/"))

    def test_a_rate_limit_says_how_long_to_wait(self):
        self.buffer.make_link(self.user)
        with self.buffer.rate_limit(retry_after=90):
            response = self.client.post("/share/", {"text": "Hello"})
        self.assertContains(response, "90 seconds", status_code=503)
