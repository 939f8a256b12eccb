"""What the end-to-end scripts share: a server process, a client of the SDK, and counted checks."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys

from centrifuge import Client, SubscriptionEventHandler

SECRET = "secret"
held = 0


def check(holds, claim):
    global held
    held += 1
    if not holds:
        sys.exit(f"violated: {claim}")


def checked():
    return held


def token(parley, user):
    return subprocess.check_output(
        [parley, "token", "--user", user, "--token-hmac-secret", SECRET], text=True).strip()


class Server:
    """A server process on a port that it chose itself."""

    def __init__(self, parley, data):
        self.parley, self.data = parley, data

    def start(self, port=0, environment=None, arguments=()):
        self.process = subprocess.Popen(
            [self.parley, "serve", "--host", "127.0.0.1", "--port", str(port), "--data", self.data,
             "--token-hmac-secret", SECRET, *arguments],
            # A script that fails leaves the server behind, and must not keep its reader waiting.
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})
        for line in self.process.stderr:
            found = re.search(r"port=(\d+).*listening", line)
            if found:
                self.port = int(found.group(1))
                return
        sys.exit("violated: the server says on which port it listens")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


class Seen(SubscriptionEventHandler):
    """What a subscriber saw, whatever the encoding."""

    def __init__(self):
        self.offsets, self.bodies = [], []

    async def on_publication(self, context):
        data = context.pub.data
        self.offsets.append(context.pub.offset)
        self.bodies.append(json.loads(data) if isinstance(data, bytes) else data)


def client(server, token, protobuf=False):
    return Client(f"ws://127.0.0.1:{server.port}/connection/websocket", token=token,
                  use_protobuf=protobuf, min_reconnect_delay=0.05, max_reconnect_delay=0.2)


async def send(sender, message, body, protobuf=False):
    request = {"channel": "lobby", "id": message, "body": body}
    if not protobuf:
        return (await sender.rpc("chat.send", request)).data
    return json.loads((await sender.rpc("chat.send", json.dumps(request).encode())).data)


async def until(condition):
    for _ in range(200):
        if condition():
            return True
        await asyncio.sleep(0.05)
    return False
