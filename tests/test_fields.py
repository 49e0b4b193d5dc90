import base64
import json
from uuid import UUID

import pytest
from django.core import serializers
from django.db import models
from django.utils import timezone

from buffer_connect.exceptions import KeyUnavailable, Tampered
from buffer_connect.fields import ScopesField, SealedField
from buffer_connect.models import BufferLink
from buffer_connect.sealing import Place, Secret, generate_entry

ROW, EPOCH = UUID(int=1), UUID(int=2)
TOKEN = Secret("the-canary")


@pytest.fixture
def field():
    return BufferLink._meta.get_field("refresh_token")


@pytest.fixture
def link(django_user_model):
    def make(name, **values):
        user = django_user_model.objects.create(username=name)
        return BufferLink.objects.create(
            user=user, status="active", account_key=name, expires_at=timezone.now(), **values
        )

    return make


def test_a_sealed_field_binds_its_value_to_where_it_lives(field):
    assert field.place(ROW, EPOCH) == Place(
        purpose="link refresh token",
        table="buffer_connect_bufferlink",
        column="refresh_token",
        row=ROW,
        epoch=EPOCH,
    )


def test_what_a_field_seals_it_opens(field):
    blob = field.seal(TOKEN, row=ROW, epoch=EPOCH)
    assert field.open(blob, row=ROW, epoch=EPOCH) == TOKEN


def test_a_value_of_another_column_does_not_open(field):
    blob = BufferLink._meta.get_field("access_token").seal(TOKEN, row=ROW, epoch=EPOCH)
    with pytest.raises(Tampered):
        field.open(blob, row=ROW, epoch=EPOCH)


def test_a_value_whose_key_left_the_settings_does_not_open(field, settings):
    blob = field.seal(TOKEN, row=ROW, epoch=EPOCH)
    other_keys = {"ENCRYPTION_KEYS": [generate_entry("another")]}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, **other_keys}
    with pytest.raises(KeyUnavailable):
        field.open(blob, row=ROW, epoch=EPOCH)


def test_a_migration_knows_the_purpose(field):
    _name, path, args, kwargs = field.deconstruct()
    assert (path, kwargs) == (
        "buffer_connect.fields.SealedField",
        {"purpose": "link refresh token", "null": True},
    )
    assert SealedField(*args, **kwargs).purpose == "link refresh token"


def test_a_sealed_field_is_in_no_form(field):
    assert not field.editable


@pytest.mark.django_db
def test_the_database_returns_what_was_sealed(link, field):
    made = link("a")
    blob = field.seal(TOKEN, row=made.uid, epoch=made.epoch)
    BufferLink.objects.filter(pk=made.pk).update(refresh_token=blob)
    held = BufferLink.objects.get(pk=made.pk)
    assert field.open(held.refresh_token, row=held.uid, epoch=held.epoch) == TOKEN


@pytest.mark.django_db
def test_a_dump_holds_the_sealed_bytes_and_nothing_else(link, field):
    made = link("a")
    made.refresh_token = field.seal(TOKEN, row=made.uid, epoch=made.epoch)
    dump = serializers.serialize("json", [made])
    assert json.loads(dump)[0]["fields"]["refresh_token"] == base64.b64encode(
        made.refresh_token
    ).decode("ascii")
    assert next(serializers.deserialize("json", dump)).object.refresh_token == made.refresh_token


@pytest.mark.parametrize(
    ("scopes", "stored"),
    [
        ([], ""),
        (["posts:read"], " posts:read "),
        (["b", "a", "b"], " b a "),
        (("b", "a"), " b a "),
        (None, None),
    ],
    ids=str,
)
def test_how_scopes_are_stored(scopes, stored):
    assert ScopesField().get_prep_value(scopes) == stored


@pytest.mark.parametrize(
    ("value", "scopes"),
    [(None, None), ("", []), (" b a b ", ["b", "a"]), (["b", "a", "b"], ["b", "a"])],
    ids=str,
)
def test_how_scopes_are_read(value, scopes):
    assert ScopesField().to_python(value) == scopes


@pytest.mark.django_db
@pytest.mark.parametrize("scopes", [[], ["posts:write", "account:read"]], ids=str)
def test_the_database_returns_the_scopes_as_a_list(link, scopes):
    made = link("a", granted_scopes=scopes)
    assert BufferLink.objects.get(pk=made.pk).granted_scopes == scopes


@pytest.mark.django_db
def test_a_scope_is_found_whole(link):
    found, _other = link("a", granted_scopes=["posts:write"]), link("b", granted_scopes=["posts"])
    assert list(BufferLink.objects.filter(granted_scopes__contains=" posts:write ")) == [found]
    assert not BufferLink.objects.filter(granted_scopes__contains=" posts:w ").exists()


@pytest.mark.django_db
def test_scopes_survive_a_dump(link):
    made = link("a", granted_scopes=["b", "a"])
    dump = serializers.serialize("json", [made])
    assert next(serializers.deserialize("json", dump)).object.granted_scopes == ["b", "a"]


def test_a_scopes_field_is_a_text_for_the_database():
    assert issubclass(ScopesField, models.TextField)
