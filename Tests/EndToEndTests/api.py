"""The whole server API as its public client asks it, unmodified, and what clients of the SDK see of it.

Usage: api.py PARLEY DATA ENCODING. Prints the number of checks that held; any that does not ends with 1.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import sys
import time

import cent
from cent.exceptions import CentApiResponseError, CentUnauthorizedError
from centrifuge import Client, ClientEventHandler

from live import SECRET, Server, check, checked, until

PARLEY, DATA, ENCODING = sys.argv[1:4]
BINARY = ENCODING == "protobuf"
KEY = "a key for application servers"

CONFIGURATION = f"""
apiKey: {KEY}
defaultNamespace: {{ presence: true, joinLeave: true }}
namespaces:
  - {{ name: quiet, log: false, history: false }}
  - {{ name: loud, presence: true, joinLeave: true, forcePushJoinLeave: true }}
  - {{ name: c, membership: true }}
"""


def jwt(**claims):
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    head = part(b'{"alg":"HS256","typ":"JWT"}') + "." + part(json.dumps(claims).encode())
    return head + "." + part(hmac.new(SECRET.encode(), head.encode(), hashlib.sha256).digest())


def plain(data):
    return json.loads(data) if isinstance(data, bytes) else data


class Ears(ClientEventHandler):
    """What a connection hears of the server's own subscriptions."""

    def __init__(self):
        self.subscribed, self.unsubscribed, self.publications, self.joins = {}, [], [], []
        self.closed = []

    async def on_subscribed(self, context):
        self.subscribed[context.channel] = context

    async def on_unsubscribed(self, context):
        self.unsubscribed.append(context.channel)

    async def on_publication(self, context):
        self.publications.append((context.channel, context.pub))

    async def on_join(self, context):
        self.joins.append((context.channel, context.info))

    async def on_connecting(self, context):
        self.closed.append(context.code)

    async def on_disconnected(self, context):
        self.closed.append((context.code, context.reason))

    def heard(self, channel):
        return [plain(pub.data) for name, pub in self.publications if name == channel]


class Scene:
    def __init__(self, server):
        self.server = server
        self.api = cent.Client(f"http://127.0.0.1:{server.port}/api", KEY)
        self.people = []

    async def ask(self, method, request=None):
        arguments = [] if request is None else [request]
        return await asyncio.to_thread(getattr(self.api, method), *arguments)

    async def refused(self, code, method, request):
        try:
            answer = await self.ask(method, request)
            check(False, f"{method} is refused: {answer}")
        except CentApiResponseError as error:
            check(error.code == code, f"{method} is refused with {code}: {error}")

    async def person(self, user, **claims):
        ears = Ears()
        client = Client(f"ws://127.0.0.1:{self.server.port}/connection/websocket",
                        token=jwt(sub=user, **claims), use_protobuf=BINARY, events=ears)
        await client.connect()
        await client.ready()
        self.people.append(client)
        return client, ears

    async def end(self):
        for client in self.people:
            await client.disconnect()


async def publishing(scene):
    _, ears = await scene.person("reader", channels=["news", "quiet:news"])
    check(await until(lambda: len(ears.subscribed) == 2), "a token's channels")
    first = await scene.ask("publish", cent.PublishRequest(
        channel="news", data={"n": 1}, tags={"color": "red", "size": "1"}))
    check((first.offset, bool(first.epoch)) == (1, True), f"{first}")
    encoded = base64.b64encode(b' {"n":\n2}').decode()
    second = await scene.ask("publish", cent.PublishRequest(
        channel="news", data=None, b64data=encoded))
    check(second.offset == 2, f"{second}")
    for _ in range(3):
        again = await scene.ask("publish", cent.PublishRequest(
            channel="news", data={"n": 3}, idempotency_key="k"))
        check(again.offset == 3, f"once: {again}")
    aside = await scene.ask("publish", cent.PublishRequest(
        channel="news", data={"n": 4}, skip_history=True))
    check((aside.offset, aside.epoch) == (0, ""), f"kept nowhere: {aside}")
    for _ in range(2):
        await scene.ask("publish", cent.PublishRequest(
            channel="quiet:news", data=1, idempotency_key="k"))
    await scene.ask("publish", cent.PublishRequest(channel="quiet:news", data=2))
    check(await until(lambda: len(ears.heard("news")) == 4), f"{ears.publications}")
    check(sorted(body["n"] for body in ears.heard("news")) == [1, 2, 3, 4], "all four")
    check(await until(lambda: ears.heard("quiet:news") == [1, 2]), "once without a log")
    tags = [pub.tags for name, pub in ears.publications if name == "news"]
    check({"color": "red", "size": "1"} in tags, f"tags are pushed: {tags}")
    both = await scene.ask("broadcast", cent.BroadcastRequest(
        channels=["news", "other", "no:such"], data={"n": 5}, tags={"a": "b"}))
    found = [(r.result.offset if r.result else None, r.error.code if r.error else None)
             for r in both.responses]
    check(found == [(4, None), (1, None), (None, 102)], f"{found}")
    page = await scene.ask("history", cent.HistoryRequest(channel="news", limit=10))
    check([p.offset for p in page.publications] == [1, 2, 3, 4], f"{page}")
    check(page.publications[0].tags == {"color": "red", "size": "1"}, "tags are kept")
    back = await scene.ask("history", cent.HistoryRequest(
        channel="news", limit=1, since=cent.StreamPosition(offset=3, epoch=page.epoch),
        reverse=True))
    check([p.offset for p in back.publications] == [2], f"{back}")
    for code, request in (
            (107, cent.PublishRequest(channel="news", data=None)),
            (107, cent.PublishRequest(channel="news", data=1, b64data="!")),
            (107, cent.PublishRequest(channel="news", data=1, b64data="AAAA")),
            (107, cent.PublishRequest(channel="news", data=1, tags={"kind": "delete"})),
            (107, cent.PublishRequest(channel="", data=1)),
            (107, cent.PublishRequest(channel="news", data=1, skip_history=True,
                                      idempotency_key="k")),
            (108, cent.PublishRequest(channel="news", data=1, version=3)),
            (106, cent.PublishRequest(channel="news", data="x" * 600_000)),
            (1403, cent.PublishRequest(channel="c:room", data=1)),
            (1403, cent.PublishRequest(channel="c:room", data=1, skip_history=True))):
        await scene.refused(code, "publish", request)
    await scene.refused(108, "history_remove", cent.HistoryRemoveRequest(channel="news"))
    await scene.refused(102, "history_remove", cent.HistoryRemoveRequest(channel="no:such"))


async def presence(scene):
    alice, ears = await scene.person(
        "alice", info={"name": "Alice"}, meta={"secret": 1},
        subs={"loud:hall": {"info": {"seat": 7}, "data": {"hello": True},
                            "override": {"force_push_join_leave": {"value": True}}}})
    check(await until(lambda: "loud:hall" in ears.subscribed), "a token's subs")
    check(plain(ears.subscribed["loud:hall"].data) == {"hello": True}, "with data")
    check(await until(lambda: len(ears.joins) == 1), "the own join")
    info = ears.joins[0][1]
    check((plain(info.conn_info), plain(info.chan_info)) == ({"name": "Alice"}, {"seat": 7}),
          f"a join says who: {info}")
    entrance = jwt(sub="alice", channel="$den", b64info=base64.b64encode(b'{"vip":1}').decode())
    den = alice.new_subscription("$den", token=entrance)
    await den.subscribe()
    await den.ready()
    await den.publish(json.dumps({"x": 1}).encode() if BINARY else {"x": 1})
    past = (await den.history(limit=1)).publications[0].info
    check((plain(past.conn_info), plain(past.chan_info)) == ({"name": "Alice"}, {"vip": 1}),
          f"a publication says who, in the log as well: {past}")
    there = (await scene.ask("presence", cent.PresenceRequest(channel="$den"))).presence
    check([(i.user, i.conn_info, i.chan_info) for i in there.values()]
          == [("alice", {"name": "Alice"}, {"vip": 1})], f"presence says who: {there}")
    await scene.person("bob", channels=["loud:hall"])
    check(await until(lambda: len(ears.joins) == 2), "another's join")
    stats = await scene.ask("presence_stats", cent.PresenceStatsRequest(channel="loud:hall"))
    check((stats.num_clients, stats.num_users) == (2, 2), f"{stats}")
    for method, request in (("presence", cent.PresenceRequest(channel="quiet:x")),
                            ("presence_stats", cent.PresenceStatsRequest(channel="c:x"))):
        await scene.refused(108, method, request)
    empty = await scene.ask("presence", cent.PresenceRequest(channel="nobody"))
    check(empty.presence == {}, f"{empty}")


async def people(scene):
    _, first = await scene.person("carol")
    _, second = await scene.person("carol")
    _, other = await scene.person("dave")
    for n in range(3):
        await scene.ask("publish", cent.PublishRequest(channel="club", data=n))
    await scene.ask("subscribe", cent.SubscribeRequest(
        user="carol", channel="club", info={"via": "api"}, data={"welcome": 1},
        recover_since=cent.StreamPosition(offset=1, epoch="")))
    check(await until(lambda: "club" in first.subscribed and "club" in second.subscribed),
          "all connections of the user")
    check("club" not in other.subscribed, "and no others")
    check(plain(first.subscribed["club"].data) == {"welcome": 1}, "with what it is told")
    check(await until(lambda: first.heard("club") == [1, 2]), f"and missed: {first.publications}")
    there = (await scene.ask("presence", cent.PresenceRequest(channel="club"))).presence
    check(sorted(info.user for info in there.values()) == ["carol", "carol"], f"{there}")
    check(all(info.chan_info == {"via": "api"} for info in there.values()), f"{there}")
    client = next(iter(there))
    await scene.ask("unsubscribe", cent.UnsubscribeRequest(
        user="carol", channel="club", client=client))
    check(await until(lambda: len(first.unsubscribed) + len(second.unsubscribed) == 1),
          "one connection alone")
    await scene.ask("unsubscribe", cent.UnsubscribeRequest(
        user="carol", channel="club", session="nobody's"))
    await scene.ask("subscribe", cent.SubscribeRequest(user="nobody", channel="club"))
    for code, override in ((108, "presence"), (108, "force_recovery")):
        await scene.refused(code, "subscribe", cent.SubscribeRequest(
            user="carol", channel="club", override=cent.ChannelOptionsOverride(
                **{override: cent.BoolValue(value=False)})))
    await scene.ask("subscribe", cent.SubscribeRequest(
        user="carol", channel="club", override=cent.ChannelOptionsOverride(
            force_recovery=cent.BoolValue(value=True),
            force_push_join_leave=cent.BoolValue(value=True))))
    await scene.refused(107, "subscribe", cent.SubscribeRequest(user="", channel="club"))
    await scene.refused(102, "subscribe", cent.SubscribeRequest(user="carol", channel="no:such"))
    await scene.ask("refresh", cent.RefreshRequest(
        user="carol", client=client, expire_at=int(time.time()) + 1000))
    await scene.ask("refresh", cent.RefreshRequest(user="dave", expired=True))
    check(await until(lambda: 3005 in other.closed), f"expired: {other.closed}")
    await scene.ask("disconnect", cent.DisconnectRequest(
        user="carol", whitelist=[client],
        disconnect=cent.Disconnect(code=4501, reason="closed for the night")))
    gone = (4501, "closed for the night")
    check(await until(lambda: gone in first.closed + second.closed), f"{first.closed}")
    check((gone in first.closed) != (gone in second.closed), "the whitelist is spared")
    await scene.ask("disconnect", cent.DisconnectRequest(user="carol", client=client))
    ended = [event for event in first.closed + second.closed if isinstance(event, tuple)]
    check(await until(lambda: any(
        event[0] == 3503 for event in first.closed + second.closed if isinstance(event, tuple))),
        f"the other too: {ended}")
    for code in (1000, 2999, 3999, 5000):
        await scene.refused(107, "disconnect", cent.DisconnectRequest(
            user="carol", disconnect=cent.Disconnect(code=code, reason="")))
    await scene.refused(107, "disconnect", cent.DisconnectRequest(
        user="carol", disconnect=cent.Disconnect(code=4000, reason="x" * 124)))


async def node(scene):
    await scene.person("erin", channels=["abc", "abd", "quiet:abe"])
    info = (await scene.ask("info", cent.InfoRequest())).nodes
    check(len(info) == 1 and info[0].uid and info[0].version.startswith("parley"), f"{info}")
    check(info[0].num_users >= 1 and info[0].num_clients >= info[0].num_users, f"{info}")
    check(info[0].num_channels >= 3 and info[0].num_subs >= 3, f"{info}")
    for pattern, expected in (("ab*", ["abc", "abd"]), ("ab[c]", ["abc"]), ("*:a?e", ["quiet:abe"]),
                              ("none*", [])):
        found = await scene.ask("channels", cent.ChannelsRequest(pattern=pattern))
        check(sorted(found.channels) == expected, f"{pattern}: {found}")
        check(all(entry.num_clients == 1 for entry in found.channels.values()), f"{found}")
    every = await scene.ask("channels", cent.ChannelsRequest())
    check({"abc", "abd", "quiet:abe"} <= set(every.channels), f"{every}")
    await scene.refused(107, "channels", cent.ChannelsRequest(pattern="{a,b}"))
    for parallel in (False, True):
        batch = await scene.ask("batch", cent.BatchRequest(parallel=parallel, requests=[
            cent.PublishRequest(channel=f"batch-{parallel}", data=1),
            cent.PresenceStatsRequest(channel="abc"),
            cent.BroadcastRequest(channels=["x", "y"], data=2),
            cent.ChannelsRequest(pattern="ab?"),
            cent.InfoRequest()]))
        check(len(batch.replies) == 5 and batch.replies[0].offset == 1, f"{batch}")
        check(len(batch.replies[2].responses) == 2, f"{batch}")
    wrong = cent.Client(f"http://127.0.0.1:{scene.server.port}/api", "no key")
    try:
        await asyncio.to_thread(wrong.info, cent.InfoRequest())
        check(False, "a wrong key is refused")
    except CentUnauthorizedError:
        check(True, "a wrong key is refused")


async def main():
    os.makedirs(DATA, exist_ok=True)
    path = os.path.join(DATA, "api.yaml")
    with open(path, "w") as file:
        file.write(CONFIGURATION)
    server = Server(PARLEY, os.path.join(DATA, "data"))
    server.start(arguments=["--config", path])
    try:
        for part in (publishing, presence, people, node):
            scene = Scene(server)
            await part(scene)
            await scene.end()
    except BaseException:
        # A server that outlives this script holds its output open, for which whoever reads it waits.
        server.kill()
        raise
    check(server.stop() == 0, "SIGTERM drains and ends with 0")
    print(checked())


asyncio.run(asyncio.wait_for(main(), 100))
