"""A site whose addresses begin with a language."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

urlpatterns = i18n_patterns(path("buffer/", include("buffer_connect.urls")))
