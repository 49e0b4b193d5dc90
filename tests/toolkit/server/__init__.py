"""A Django project of its own, in a process of its own: django-oauth-toolkit plays Buffer."""
