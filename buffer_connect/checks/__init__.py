"""System checks: one small function for each subject, every id a heading in the reference.

An Error says that something cannot work, a Warning that it may not do what was meant. What
guards a secret is refused at run time too, for a WSGI server runs no checks.
"""

from buffer_connect.checks import celery, databases, pages, settings, transport

CHECKS = (
    settings.check_dict,
    settings.check_time_zone,
    settings.check_settings,
    settings.check_encryption_keys,
    settings.check_scopes,
    transport.check_insecure_transport,
    celery.check_pickle,
    celery.check_beat,
    celery.check_time_limits,
    pages.check_urls,
    pages.check_callback,
    pages.check_requirements,
    pages.check_session_cookie,
    pages.check_form_action,
    databases.check_atomic_requests,
    databases.check_time_zone,
    databases.check_autocommit,
    databases.check_routers,
)
DEPLOY_CHECKS = (
    settings.check_redirect_uri,
    settings.check_require_iss,
    settings.check_instance,
)
DATABASE_CHECKS = (databases.check_keys,)
