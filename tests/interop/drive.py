"""Emits events on a running host, and checks that each delivery arrives and verifies.

    python drive.py first FOLDER
    python drive.py again FOLDER [path of the weir binary, to replace the root key meanwhile]

FOLDER has the ready files of the host and of the receivers `node` and `python`.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

ARRIVAL_MAX_S = 30
CUSTOM = "/api/v1/events/custom"
# Static headers that the external peers get beside the signed ones.
STATIC = {"Authorization": "Bearer of the peer"}
# Payloads as they go over the wire: the signature covers the bytes, not their meaning.
PAYLOADS = [
    '{"kind":"plain"}',
    '{ "kind" : "spaces" ,\n\t"data": { } }',
    '{"kind":"letters","summary":"Grüße, 世界, 🦀, \\u00e9, \\ud83e\\udd80"}',
    '{"kind":"numbers","data":{"a":1.0,"b":1e2,"c":12345678901234567890,"d":0.1,"e":-0}}',
    '{"kind":"order","z":1,"a":2,"m":{"z":null,"a":[]}}',
    '{"kind":"signs","summary":"\\"\\\\/\\b\\f\\n\\r\\t<>&\'%."}',
    '{"kind":"long","summary":"' + "x" * 200_000 + '"}',
]


def call(method: str, url: str, headers: dict, body: object = None) -> dict:
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {**headers, "content-type": "application/json"}, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=20) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        sys.exit(f"interop: {method} {url} answered {error.code}: {error.read().decode()}")
    return json.loads(text) if text else {}


def ready(folder: str, name: str) -> str:
    with open(os.path.join(folder, f"{name}.json")) as file:
        return json.load(file)["url"]


class Run:
    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.host = ready(folder, "host")
        self.receivers = {name: ready(folder, name) for name in ("node", "python")}
        self.admin = {"authorization": "Bearer " + os.environ["WEIR_ADMIN_TOKEN"]}
        self.key: dict = {}
        self.event = ""
        # Deliveries that each path of each receiver has to get, and the text of their payloads.
        self.owed: dict = {name: [] for name in self.receivers}
        self.paths: list = []
        # The subscriptions of the first phase: receiver, path and answer.
        self.made: list = []

    def store(self) -> None:
        with open(os.path.join(self.folder, "state.json"), "w") as file:
            json.dump({"key": self.key, "event": self.event, "paths": self.paths}, file)

    def load(self) -> None:
        with open(os.path.join(self.folder, "state.json")) as file:
            state = json.load(file)
        self.key, self.event, self.paths = state["key"], state["event"], state["paths"]

    def create(self) -> None:
        organization = {"name": "Acme", "plan": "ENTERPRISE"}
        answer = call("POST", f"{self.host}/api/admin/v1/organizations", self.admin, organization)
        self.key = {"x-api-key": answer["data"]["apiKey"]}
        owner = answer["data"]["organization"]["id"]
        self.push(answer["data"]["organization"]["slug"])
        for path, secret in (("/drawn", None), ("/plain", "a plain secret of our own")):
            for name, url in self.receivers.items():
                body = {"eventTypes": [f"TENANT_CUSTOM:{owner}:*"], "webhookUrl": url + path}
                body |= {"secret": secret} if secret else {}
                made = call("POST", f"{self.host}/api/v1/event-subscriptions", self.key, body)["data"]
                self.expect(name, path, [{"text": made["secret"], "isPlain": secret is not None}])
                self.made.append((name, path, made))
            self.paths.append(path)

    def push(self, namespace: str) -> None:
        """Registers an event, and pushes it to a group with both receivers as external peers."""
        self.event = f"{namespace}.order"
        schema = {"payloadSchema": {"type": "object"}, "status": "published"}
        event = {"namespace": namespace, "name": "order", "version": "1.0.0"} | schema
        registration = self.post(CUSTOM, event)["id"]
        group = f"{CUSTOM}/federation/groups/" + self.post(f"{CUSTOM}/federation/groups", {"name": "Partners"})["id"]
        push = self.post(f"{group}/pushes", {"registrationId": registration})["id"]
        for name, url in self.receivers.items():
            peer = {"label": name, "webhookUrl": f"{url}/relay", "headers": STATIC}
            secret = self.post(f"{group}/external-peers", peer)["secret"]
            relay = {"push": push, "event": f"{self.event}@1.0.0", "headers": STATIC}
            self.expect(name, "/relay", [{"text": secret, "relay": relay}])
        self.paths.append("/relay")

    def post(self, path: str, body: dict) -> dict:
        return call("POST", self.host + path, self.key, body)["data"]

    def expect(self, receiver: str, path: str, secrets: list) -> None:
        call("POST", f"{self.receivers[receiver]}/expect", {}, {"path": path, "secrets": secrets})

    def emit(self, payload: str) -> None:
        body = f'{{"name":"{self.event}","payload":{payload}}}'.encode()
        emitted = call("POST", f"{self.host}/api/v1/events/custom/emit", self.key, body)["data"]["emitId"]
        for name in self.receivers:
            self.owed[name] += [(path, emitted, payload) for path in self.paths]

    def rotate_secrets(self) -> None:
        """Replaces the drawn secrets; for a while both the old and the new one verify."""
        for name, path, made in self.made:
            if path == "/drawn":
                url = f"{self.host}/api/v1/event-subscriptions/{made['id']}/rotate"
                rotated = call("POST", url, self.key, {"overlapSeconds": 86_400})["data"]
                new, old = {"text": rotated["secret"]}, {"text": made["secret"], "isNewest": False}
                self.expect(name, path, [new, old])

    def press_test_buttons(self) -> None:
        for name, path, made in self.made:
            url = f"{self.host}/api/v1/event-subscriptions/{made['id']}/test"
            answer = call("POST", url, self.key)["data"]
            if not answer["success"]:
                sys.exit(f"interop: {name} refused the test event for {path}: {answer}")

    def settle(self) -> None:
        """Waits until each owed delivery has arrived and verified."""
        for name, url in self.receivers.items():
            owed = {(path, emitted): payload for path, emitted, payload in self.owed[name]}
            deadline = time.monotonic() + ARRIVAL_MAX_S
            while True:
                seen = call("GET", f"{url}/seen", {})
                if refused := [one for one in seen if one["error"]]:
                    sys.exit(f"interop: {name} refused {len(refused)} of {len(seen)} deliveries: {refused[0]}"[:2_000])
                arrived = {(one["path"], one["id"]): one["body"] for one in seen}
                if owed.keys() <= arrived.keys():
                    break
                if time.monotonic() > deadline:
                    sys.exit(f"interop: {len(owed.keys() - arrived.keys())} deliveries never reached {name}")
                time.sleep(0.05)
            for key, payload in owed.items():
                if payload not in arrived[key]:
                    sys.exit(f"interop: {name} got another payload for {key}")
            print(f"{name}: {len(owed)} deliveries arrived and verified", flush=True)


def rotate_root_key(run: Run, weir: str) -> None:
    """Replaces the root key while events flow."""
    command = subprocess.Popen([weir, "admin", "rotate-root-key", "--url", run.host], stdout=subprocess.PIPE, text=True)
    while command.poll() is None:
        run.emit(PAYLOADS[0])
    said = command.stdout.read() if command.stdout else ""
    if command.returncode != 0 or "Done." not in said:
        sys.exit(f"interop: the root key was not replaced: {said}")


def main() -> None:
    phase, folder, *weir = sys.argv[1:]
    run = Run(folder)
    if phase == "first":
        run.create()
        run.store()
        run.emit(PAYLOADS[0])
        run.press_test_buttons()
        run.settle()
        run.rotate_secrets()
        run.press_test_buttons()
    else:
        run.load()
    for payload in PAYLOADS:
        run.emit(payload)
    for binary in weir:
        rotate_root_key(run, binary)
    run.settle()


main()
