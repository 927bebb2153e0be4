"""Verifies deliveries with the `standardwebhooks` package and with the recipes of docs/verify.md, and
relays to external peers as the platform's page on federation tells their receivers to.

    python receiver.py READY_FILE

A POST to /expect sets the secrets that deliveries to a path have to verify with, and a GET of /seen
lists the deliveries so far. Every other request is a delivery.
"""

import hashlib
import hmac
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import recipe
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

expected: dict = {}
seen: list = []


def check(secret: dict, headers: dict, body: bytes) -> None:
    text = secret["text"]
    if relay := secret.get("relay"):
        check_relay(text, relay, headers, body)
    elif secret.get("isNewest", True):
        check_platform(text, headers, body)
    if secret.get("isPlain"):
        if "webhook-signature" in headers:
            raise ValueError("a Standard Webhooks signature for another kind of secret")
        return
    Webhook(text).verify(body, headers)
    if not recipe.verify(text, headers, body):
        raise ValueError("the recipe refuses")
    # A verification proves nothing unless it fails for a forged body.
    forged = body + b" "
    if recipe.verify(text, headers, forged):
        raise ValueError("the recipe takes a forged body")
    try:
        Webhook(text).verify(forged, headers)
    except WebhookVerificationError:
        return
    raise ValueError("the library takes a forged body")


def check_platform(secret: str, headers: dict, body: bytes) -> None:
    """The platform's own three headers, signed with the newest secret."""
    if not recipe.verify_platform(secret, headers, body):
        raise ValueError("the recipe for the platform's header refuses")
    if recipe.verify_platform(secret, headers, body + b" "):
        raise ValueError("the recipe for the platform's header takes a forged body")
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    for name in ("x-event-signature", "x-caldera-signature", "x-platformxe-signature"):
        if headers.get(name) != signature:
            raise ValueError(f"{name} does not verify")
    event = json.loads(body)
    if (event["id"], event["event"]) != (headers["x-event-id"], headers["x-event-type"]):
        raise ValueError("headers and body name different events")


def verify_relay(secret: str, headers: dict, body: bytes) -> bool:
    """The page's recipe: `sha256=` and the hex HMAC of the raw body, keyed with the whole secret as text."""
    scheme, _, signature = headers.get("x-caldera-signature", "").partition("=")
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return scheme == "sha256" and hmac.compare_digest(signature, expected)


def check_relay(secret: str, relay: dict, headers: dict, body: bytes) -> None:
    if not verify_relay(secret, headers, body):
        raise ValueError("the page's recipe refuses a relay")
    if verify_relay(secret, headers, body + b" ") or verify_relay(secret + "x", headers, body):
        raise ValueError("the page's recipe takes a forged relay")
    told = json.loads(body)
    members = ["namespace", "name", "version", "payload", "federationPushId", "emitId", "isFederationRelay", "timestamp"]
    if list(told) != members:
        raise ValueError(f"a relay has the members {list(told)}")
    expected = {
        "content-type": "application/json",
        "user-agent": "PlatformXe-Federation-Relay/1.0",
        "x-caldera-event-type": relay["event"],
        "x-caldera-federation-push-id": relay["push"],
        "x-caldera-emit-id": told["emitId"],
    }
    expected |= {name.lower(): value for name, value in relay["headers"].items()}
    for name, value in expected.items():
        if headers.get(name) != value:
            raise ValueError(f"{name} is {headers.get(name)}, not {value}")
    if (told["isFederationRelay"], told["federationPushId"]) != (True, relay["push"]):
        raise ValueError("the body is no relay of this push")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(200, json.dumps(seen).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/expect":
            told = json.loads(body)
            expected[told["path"]] = told["secrets"]
            self.answer(200)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        error = None
        try:
            secrets = expected.get(self.path, [])
            if not secrets:
                raise ValueError("nothing is expected here")
            for secret in secrets:
                check(secret, headers, body)
        except Exception as thrown:
            error = repr(thrown)
        event = headers.get("webhook-id") or headers.get("x-event-id")
        seen.append({"path": self.path, "id": event, "error": error, "body": body.decode()})
        self.answer(200 if error is None else 400)

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1] + ".new", "w") as file:
    json.dump({"url": f"http://127.0.0.1:{server.server_port}"}, file)
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
