"""Drives the built command with the Centrifuge SDK from PyPI, kills it, and looks again.

Usage: sdk.py PARLEY DATA. Prints the number of checks that held; any that does not ends with 1.
"""

import asyncio
import re
import signal
import subprocess
import sys

from centrifuge import Client, SubscriptionEventHandler

PARLEY, DATA = sys.argv[1:3]
SECRET = "secret"
checks = 0


def check(holds, claim):
    global checks
    checks += 1
    if not holds:
        sys.exit(f"violated: {claim}")


class Server:
    """A server process on a port that it chose itself."""

    def start(self, port=0):
        self.process = subprocess.Popen(
            [PARLEY, "serve", "--host", "127.0.0.1", "--port", str(port), "--data", DATA,
             "--token-hmac-secret", SECRET],
            stderr=subprocess.PIPE, text=True)
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
    def __init__(self):
        self.offsets = []

    async def on_publication(self, context):
        self.offsets.append(context.pub.offset)


def client(server, token):
    return Client(f"ws://127.0.0.1:{server.port}/connection/websocket", token=token,
                  min_reconnect_delay=0.05, max_reconnect_delay=0.2)


async def send(sender, message, body):
    request = {"channel": "lobby", "id": message, "body": body}
    return (await sender.rpc("chat.send", request)).data


async def until(condition):
    for _ in range(200):
        if condition():
            return True
        await asyncio.sleep(0.05)
    return False


async def main():
    server = Server()
    server.start()
    token = subprocess.check_output(
        [PARLEY, "token", "--user", "42", "--token-hmac-secret", SECRET], text=True).strip()
    reader, sender = client(server, token), client(server, token)
    await reader.connect()
    await sender.connect()
    seen = Seen()
    subscription = reader.new_subscription("lobby", seen)
    await subscription.subscribe()
    await subscription.ready()
    await subscription.publish({"n": 0})
    first = await send(sender, "m1", {"n": 1})
    again = await send(sender, "m1", {"n": 1})
    check(first["offset"] == 2 and not first["duplicate"], "the first send gets the next offset")
    check(again["offset"] == 2 and again["duplicate"], "a repeat gets the first offset")
    check(await until(lambda: seen.offsets == [1, 2]), f"live delivery in order: {seen.offsets}")
    await reader.disconnect()
    for index in range(5):
        await send(sender, f"away{index}", index)
    await reader.connect()
    check(await until(lambda: seen.offsets == list(range(1, 8))), f"recovery: {seen.offsets}")
    for life in range(3):
        acknowledged = {}

        async def burst():
            for index in range(1000):
                message = f"life{life}-{index}"
                acknowledged[message] = (await send(sender, message, index))["offset"]

        task = asyncio.create_task(burst())
        await asyncio.sleep(0.4)
        server.kill()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        check(acknowledged, "the burst was under way")
        server.start(server.port)
        await sender.ready()
        for message, offset in list(acknowledged.items())[-20:]:
            repeat = await send(sender, message, None)
            check(repeat["duplicate"] and repeat["offset"] == offset,
                  f"{message} is in the log where it was acknowledged: {repeat} {offset}")
        await subscription.ready()
    last = await send(sender, "last", None)
    check(await until(lambda: seen.offsets[-1:] == [last["offset"]]), "the reader catches up")
    check(seen.offsets == list(range(1, last["offset"] + 1)), "the reader saw all, once, in order")
    await sender.disconnect()
    await reader.disconnect()
    check(server.stop() == 0, "SIGTERM drains and ends with 0")
    print(checks)


asyncio.run(asyncio.wait_for(main(), 100))
