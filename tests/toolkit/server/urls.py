from django.urls import include, path

from tests.toolkit.server import api, control

urlpatterns = [
    path("o/", include("oauth2_provider.urls")),
    path("api", api.api),
    path("control/", control.state),
    path("control/reset/", control.reset),
    path("control/change/", control.change),
]
