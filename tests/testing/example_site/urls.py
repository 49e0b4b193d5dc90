from django.urls import include, path

from tests.testing.example_site import views

urlpatterns = [
    path("share/", views.share),
    path("buffer/", include("buffer_connect.urls")),
]
