"""The two clients that the server knows, as keys of BUFFER_CONNECT."""

REDIRECT_URI = "https://testserver/buffer/callback/"
CONFIDENTIAL = {"CLIENT_ID": "toolkit-confidential", "CLIENT_SECRET": "toolkit-client-secret"}
PUBLIC = {"CLIENT_ID": "toolkit-public", "CLIENT_SECRET": None}
