from django.urls import include, path

urlpatterns = [path("buffer/", include("buffer_connect.urls"))]
