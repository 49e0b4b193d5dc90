from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("buffer/", include("buffer_connect.urls")),
]
