from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("elsewhere/", include("buffer_connect.urls", namespace="first")),
    path("buffer/", include("buffer_connect.urls", namespace="second")),
]
