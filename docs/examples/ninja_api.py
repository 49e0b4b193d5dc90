"""An API with django-ninja that posts to Buffer as its user."""

from ninja import NinjaAPI, Schema
from ninja.security import django_auth

from buffer_connect.client import BufferClient
from buffer_connect.exceptions import BufferConnectError
from buffer_connect.responses import error_response

CREATE_POST = """
mutation ($post: CreatePostInput!) {
  createPost(input: $post) {
    __typename
    ... on PostActionSuccess { post { id } }
    ... on MutationError { message }
  }
}
"""

api = NinjaAPI(auth=django_auth)


class Post(Schema):
    channel: str
    text: str


@api.exception_handler(BufferConnectError)
def buffer_error(request, error):
    response = error_response(request, error)
    if response is None:
        raise error
    return response


@api.post("/posts/")
def create_post(request, post: Post):
    post = {
        "channelId": post.channel,
        "text": post.text,
        "schedulingType": "automatic",
        "mode": "addToQueue",
    }
    client = BufferClient.for_user(request.user, scopes=["posts:write"])
    data = client.execute(CREATE_POST, variables={"post": post})
    return data["createPost"]["post"]
