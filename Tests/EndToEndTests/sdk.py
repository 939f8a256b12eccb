"""Drives the built command with the Centrifuge SDK from PyPI, kills it, and looks again.

Usage: sdk.py PARLEY DATA READER SENDER, where the last two are json or protobuf. Prints the number of
checks that held; any that does not ends with 1.
"""

import asyncio
import functools
import json
import sys

import live
from live import Server, Seen, check, checked, client, token, until

PARLEY, DATA = sys.argv[1:3]
READS, SENDS = (encoding == "protobuf" for encoding in sys.argv[3:5])
send = functools.partial(live.send, protobuf=SENDS)


async def main():
    server = Server(PARLEY, DATA)
    server.start()
    credentials = token(PARLEY, "42")
    reader, sender = client(server, credentials, READS), client(server, credentials, SENDS)
    await reader.connect()
    await sender.connect()
    seen = Seen()
    subscription = reader.new_subscription("lobby", seen)
    await subscription.subscribe()
    await subscription.ready()
    await subscription.publish(json.dumps({"n": 0}).encode() if READS else {"n": 0})
    first = await send(sender, "m1", {"n": 1})
    again = await send(sender, "m1", {"n": 1})
    check(first["offset"] == 2 and not first["duplicate"], "the first send gets the next offset")
    check(again["offset"] == 2 and again["duplicate"], "a repeat gets the first offset")
    check(await until(lambda: seen.offsets == [1, 2]), f"live delivery in order: {seen.offsets}")
    check(seen.bodies == [{"n": 0}, {"n": 1}], f"with the bodies that were sent: {seen.bodies}")
    page = await subscription.history(limit=10)
    check([publication.offset for publication in page.publications] == [1, 2], "history")
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
    print(checked())


asyncio.run(asyncio.wait_for(main(), 100))
