"""An API with Django REST framework that posts to Buffer as its user."""

from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback
from rest_framework.views import exception_handler as usual_handler

from buffer_connect.client import BufferClient
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


class PostSerializer(serializers.Serializer):
    channel = serializers.CharField()
    text = serializers.CharField()


class PostsView(APIView):
    permission_classes = (IsAuthenticated,)

    def post(self, request):
        serializer = PostSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        post = {
            "channelId": serializer.validated_data["channel"],
            "text": serializer.validated_data["text"],
            "schedulingType": "automatic",
            "mode": "addToQueue",
        }
        client = BufferClient.for_user(request.user, scopes=["posts:write"])
        data = client.execute(CREATE_POST, variables={"post": post})
        return Response(data["createPost"]["post"])


def exception_handler(error, context):
    response = error_response(context["request"], error)
    if response is None:
        return usual_handler(error, context)
    set_rollback()
    return response
