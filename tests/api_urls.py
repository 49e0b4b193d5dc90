"""A site with the APIs that the documentation shows."""

from django.urls import include, path

from docs.examples.ninja_api import api
from docs.examples.rest_framework_api import PostsView

urlpatterns = [
    path("buffer/", include("buffer_connect.urls")),
    path("rest/posts/", PostsView.as_view()),
    path("ninja/", api.urls),
]
