"""A server of raw bytes on loopback, for answers that no proper server gives."""

import contextlib
import datetime
import ipaddress
import itertools
import json
import socket
import ssl
import struct
import threading
from typing import NamedTuple
from urllib.parse import parse_qsl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Request(NamedTuple):
    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self):
        return parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True)


class RawServer:
    """Runs ``script(connection)`` for each connection, in a thread of its own."""

    def __init__(self, script, tls=None, handshake_delay=0, host="127.0.0.1"):
        # ``tls`` is an SSLContext of the server's side.
        self.script = script
        self.tls = tls
        self.handshake_delay = handshake_delay
        self.connections = 0
        self.requests = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port = self._listener.getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        self.url = f"http{'s' if tls else ''}://{name}:{self.port}"
        self._stopped = threading.Event()
        self._accepted = []
        self._ends = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._stopped.set()
        # Closing alone does not wake a thread that waits in accept() or recv().
        for sock in [self._listener, *self._accepted]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=5)
        self.wait_until_served()

    def wait_until_served(self):
        """Wait until the scripts of all connections so far have ended."""
        for end in list(self._ends):
            end.wait(5)

    def _accept(self):
        while not self._stopped.is_set():
            with contextlib.suppress(OSError):
                sock, _ = self._listener.accept()
                self.connections += 1
                self._accepted.append(sock)
                self._ends.append(threading.Event())
                arguments = (sock, self._ends[-1])
                threading.Thread(target=self._serve, args=arguments, daemon=True).start()

    def _serve(self, sock, end):
        try:
            with contextlib.ExitStack() as stack:
                stack.enter_context(contextlib.suppress(OSError))
                sock = stack.enter_context(self._secured(sock))
                self.script(stack.enter_context(contextlib.closing(Connection(self, sock))))
        finally:
            end.set()

    def _secured(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self.tls:
            return sock
        self._stopped.wait(self.handshake_delay)
        sock = self.tls.wrap_socket(sock, server_side=True)
        self._accepted.append(sock)
        return sock


class Connection:
    """One accepted connection, as a script sees it."""

    def __init__(self, server, sock):
        self.server = server
        self.sock = sock
        self.reader = sock.makefile("rb")

    def request(self):
        """Return the next request, or None at the end of the connection."""
        line = self.reader.readline().decode().rstrip()
        if not line:
            return None
        headers = {}
        while header := self.reader.readline().decode().rstrip():
            name, _, value = header.partition(": ")
            headers[name.lower()] = value
        body = self.reader.read(int(headers.get("content-length", 0)))
        request = Request(line, headers, body)
        self.server.requests.append(request)
        return request

    def send(self, data):
        self.sock.sendall(data)

    def close(self):
        """End the connection properly."""
        self.reader.close()
        self.sock.close()

    def reset(self):
        """End the connection without a word."""
        # Without lingering, close() sends a reset.
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def wait(self, seconds=10):
        """Wait until the server is stopped; return whether it was."""
        return self.server._stopped.wait(seconds)


def response(body=b"", status="200 OK", length=None, **headers):
    """Return the bytes of a response; ``length`` may lie, underscores in header names are dashes."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content_type": "application/json", **headers}
    headers["content_length"] = len(body) if length is None else length
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + body


def answers(*responses):
    """Answer the requests of each connection in order, the last response again and again."""

    def script(connection):
        left = list(responses)
        while connection.request():
            connection.send(left.pop(0) if len(left) > 1 else left[0])

    return script


def in_turn(scripts):
    """Run the next of ``scripts`` for each connection."""
    left = iter(scripts)

    def script(connection):
        next(left)(connection)

    return script


def then_close(data):
    """Read a request, send ``data`` and close properly."""

    def script(connection):
        connection.request()
        connection.send(data)

    return script


def then_reset(data=b""):
    """Read a request, send ``data`` and reset the connection."""

    def script(connection):
        connection.request()
        connection.send(data)
        connection.reset()

    return script


def then_silence(data=b""):
    """Read a request, send ``data`` and keep the connection open."""

    def script(connection):
        connection.request()
        connection.send(data)
        connection.wait()

    return script


def then_trickle(head, data, pause=0.05):
    """Read a request, send ``head``, then ``data`` byte by byte, and its last byte for ever."""

    def script(connection):
        connection.request()
        connection.send(head)
        for byte in itertools.chain(data, itertools.repeat(data[-1])):
            connection.send(bytes([byte]))
            if connection.wait(pause):
                break

    return script


def then_flood(head, piece):
    """Read a request, send ``head`` and then ``piece`` for ever."""

    def script(connection):
        connection.request()
        connection.send(head)
        while True:
            connection.send(piece)

    return script


def self_signed(directory, *, ended=False):
    """Return (server context, certificate file) for 127.0.0.1, good for a day unless it has ended."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(hours=-1 if ended else 24))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = directory / "certificate.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = directory / "key.pem"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return context, str(pem)
