"""The OAuth core: builds requests and judges responses; no Django, no network, no clock."""
