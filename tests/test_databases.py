import pytest

from example_project import databases


def test_the_parts_of_a_url_become_an_entry():
    entry = databases.from_url("postgres://member:a%40b@db.example:5433/site?sslmode=require")
    assert entry == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "site",
        "USER": "member",
        "PASSWORD": "a@b",
        "HOST": "db.example",
        "PORT": "5433",
        "OPTIONS": {"sslmode": "require"},
    }


@pytest.mark.parametrize(
    ("url", "name"),
    [("sqlite:///db.sqlite3", "db.sqlite3"), ("sqlite:////var/db.sqlite3", "/var/db.sqlite3")],
)
def test_sqlite_takes_relative_and_absolute_paths(url, name):
    assert databases.from_url(url)["NAME"] == name


def test_sqlite_waits_for_its_turn_to_write():
    options = databases.from_url("sqlite:///db.sqlite3")["OPTIONS"]
    assert (options["transaction_mode"], options["timeout"]) == ("IMMEDIATE", 20)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://member:a%40b@127.0.0.1:5432/site",
        "mysql://root@127.0.0.1:3306/site",
        "mysql://root@127.0.0.1:3306/site?isolation_level=serializable",
        "sqlite:////var/with%20space/db.sqlite3",
    ],
)
def test_an_entry_turns_back_into_its_url(url):
    assert databases.to_url(databases.from_url(url)) == url


def test_an_unknown_scheme_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'oracle'.*sqlite, postgres"):
        databases.from_url("oracle://member@127.0.0.1/site")
