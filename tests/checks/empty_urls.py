"""A site without the pages."""

urlpatterns: list[object] = []
