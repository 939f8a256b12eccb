"""Who is there, over real sockets: the Centrifuge SDK from PyPI, and a socket of its own for pushes.

Usage: presence.py PARLEY DATA ENCODING. Prints the number of checks that held; any that does not ends
with 1.
"""

import asyncio
import json
import os
import sys
import time

import websockets
from centrifuge import SubscriptionEventHandler

from live import Server, check, checked, client, token, until

PARLEY, DATA, ENCODING = sys.argv[1:4]
BINARY = ENCODING == "protobuf"
GRACE, WINDOW = 5, 1

CONFIGURATION = """
defaultNamespace: { presence: true, joinLeave: true }
namespaces:
  - { name: quiet }
"""


class Attendance(SubscriptionEventHandler):
    """Joins and leaves as a subscriber hears them, with when."""

    def __init__(self):
        self.heard = []

    async def on_join(self, context):
        self.heard.append(("join", context.info.user, context.info.client, time.monotonic()))

    async def on_leave(self, context):
        self.heard.append(("leave", context.info.user, context.info.client, time.monotonic()))

    def of(self, user):
        return [kind for kind, who, _, _ in self.heard if who == user]


class Peer:
    """A socket that speaks the protocol in JSON and keeps the pushes about users."""

    async def open(self, server, credentials):
        self.socket = await websockets.connect(
            f"ws://127.0.0.1:{server.port}/connection/websocket")
        self.replies, self.pushes, self.id = {}, [], 0
        self.reading = asyncio.create_task(self.read())
        await self.ask({"connect": {"token": credentials}})

    async def read(self):
        async for frame in self.socket:
            for line in frame.splitlines():
                message = json.loads(line)
                if not message:
                    await self.socket.send("{}")
                elif "id" in message:
                    self.replies[message["id"]] = message
                elif "message" in message["push"]:
                    self.pushes.append((time.monotonic(), message["push"]["message"]["data"]))

    async def ask(self, command):
        self.id += 1
        await self.socket.send(json.dumps({"id": self.id, **command}))
        number = self.id
        check(await until(lambda: number in self.replies), f"{command} is answered")
        return self.replies[number]

    async def rpc(self, method, data):
        reply = await self.ask({"rpc": {"method": method, "data": data}})
        return reply.get("error") or reply["rpc"]["data"]

    def states(self, user):
        return [entry["state"] for _, data in self.pushes for entry in data["presence"]
                if entry["user"] == user]


async def channel(server):
    speakers = {user: client(server, token(PARLEY, user), BINARY) for user in ("a", "b")}
    attendance, subscriptions = {}, {}
    for user, speaker in speakers.items():
        await speaker.connect()
        attendance[user] = Attendance()
        subscriptions[user] = speaker.new_subscription(
            "lobby", attendance[user], join_leave=True)
        await subscriptions[user].subscribe()
        await subscriptions[user].ready()
    first = attendance["a"]
    check(await until(lambda: first.of("a") == ["join"]), "the own join is delivered")
    check(await until(lambda: first.of("b") == ["join"]), "another's join is delivered")
    there = (await subscriptions["a"].presence()).clients
    check(sorted(info.user for info in there.values()) == ["a", "b"], f"presence: {there}")
    check(all(info.client == key for key, info in there.items()), "keys are client ids")
    stats = await subscriptions["b"].presence_stats()
    check((stats.num_clients, stats.num_users) == (2, 2), f"stats: {stats}")
    await speakers["b"].disconnect()
    await asyncio.sleep(1)
    await speakers["b"].connect()
    await subscriptions["b"].ready()
    await asyncio.sleep(GRACE + 1)
    check(first.of("b") == ["join"], f"a short drop is silent: {first.heard}")
    check(attendance["b"].of("b") == ["join", "join"], "who returns hears its own join")
    left = time.monotonic()
    await speakers["b"].disconnect()
    check(await until(lambda: first.of("b") == ["join", "leave"]), "a leave after the grace")
    delay = first.heard[-1][3] - left
    check(GRACE - 0.1 <= delay <= GRACE + WINDOW, f"the leave came after {delay} s")
    names = [who for _, user, who, _ in first.heard if user == "b"]
    check(names[0] == names[1], "the leave is of the client that joined")
    quiet = speakers["a"].new_subscription("quiet:room", Attendance())
    await quiet.subscribe()
    await quiet.ready()
    try:
        await quiet.presence()
        check(False, "presence is refused where it is off")
    except Exception as error:
        check("108" in str(error) or getattr(error, "code", 0) == 108, f"refused: {error!r}")
    await speakers["a"].disconnect()


async def users(server):
    watcher, someone = Peer(), Peer()
    await watcher.open(server, token(PARLEY, "watcher"))
    answer = await watcher.rpc("presence.watch", {"users": ["someone", "nobody"]})
    expected = [("nobody", "offline"), ("someone", "offline")]
    check(sorted((e["user"], e["state"]) for e in answer["states"]) == expected, f"{answer}")
    came = time.monotonic()
    await someone.open(server, token(PARLEY, "someone"))
    check(await until(lambda: watcher.states("someone") == ["active"]), "online is pushed")
    check(watcher.pushes[-1][0] - came <= WINDOW + 0.5, "within W")
    check(watcher.pushes[-1][1]["window"] >= WINDOW * 1000, "the W in force is reported")
    await asyncio.sleep(WINDOW)
    check(await someone.rpc("presence.set", {"state": "dnd"}) == {}, "a choice is taken")
    check(await until(lambda: watcher.states("someone")[-1] == "dnd"), "the choice is pushed")
    check("code" in await someone.rpc("presence.set", {"state": "asleep"}), "no such state")
    check("code" in await someone.rpc("presence.watch", {"users": []}), "nobody to watch")
    left = time.monotonic()
    await someone.socket.close()
    check(await until(lambda: watcher.states("someone")[-1] == "offline"), "offline is pushed")
    delay = watcher.pushes[-1][0] - left
    check(GRACE - 0.1 <= delay <= GRACE + WINDOW, f"offline came after {delay} s")
    check(await watcher.rpc("presence.unwatch", {"users": ["someone"]}) == {}, "unwatched")
    await watcher.socket.close()


async def main():
    os.makedirs(DATA, exist_ok=True)
    path = os.path.join(DATA, "presence.yaml")
    with open(path, "w") as file:
        file.write(CONFIGURATION)
    server = Server(PARLEY, os.path.join(DATA, "data"))
    server.start(arguments=["--config", path])
    await channel(server)
    await users(server)
    check(server.stop() == 0, "SIGTERM drains and ends with 0")
    print(checked())


asyncio.run(asyncio.wait_for(main(), 100))
