"""The package against django-oauth-toolkit: an authorization server that others wrote."""
