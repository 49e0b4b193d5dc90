"""A site's one page: share a text as the signed-in user."""

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from buffer_connect.client import BufferClient
from buffer_connect.decorators import buffer_link_required
from buffer_connect.exceptions import BufferUnavailable, MutationFailed, RateLimited

CREATE_POST = """
mutation ($post: CreatePostInput!) {
  createPost(input: $post) {
    __typename
    ... on MutationError { message }
  }
}
"""


@buffer_link_required("posts:write")
@require_POST
def share(request):
    post = {
        "channelId": "channel-1",
        "text": request.POST["text"],
        "schedulingType": "automatic",
        "mode": "addToQueue",
    }
    try:
        BufferClient(request.buffer_link).execute(CREATE_POST, variables={"post": post})
    except MutationFailed as refused:
        return HttpResponse(refused.message, content_type="text/plain", status=422)
    except RateLimited as error:
        return HttpResponse(f"Try again in {error.retry_after:.0f} seconds.", status=503)
    except BufferUnavailable:
        return HttpResponse("Look at Buffer before you share it again.", status=503)
    return HttpResponse("Shared.")
