"""The site's paths."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from example_project import views

urlpatterns = [
    path("", views.page, name="page"),
    path("sign-in/", views.sign_in, name="sign_in"),
    path("press/<slug:button>/", views.press, name="press"),
    path("buffer/", include("buffer_connect.urls")),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url="/static/example_project/icon.svg")),
]
