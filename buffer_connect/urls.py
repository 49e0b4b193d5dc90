"""The pages: `path("buffer/", include("buffer_connect.urls"))`."""

from django.urls import path

from buffer_connect import views

app_name = "buffer_connect"
urlpatterns = [
    path("", views.LinksView.as_view(), name="links"),
    path("connect/", views.ConnectView.as_view(), name="connect"),
    path("callback/", views.CallbackView.as_view(), name="callback"),
    path("status.json", views.StatusView.as_view(), name="status"),
    path("api-key/", views.APIKeyView.as_view(), name="api_key"),
    path("<uuid:uid>/disconnect/", views.DisconnectView.as_view(), name="disconnect"),
    path("<uuid:uid>/check/", views.CheckView.as_view(), name="check"),
]
