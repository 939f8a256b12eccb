"""Drives the built command with the Centrifuge SDK from PyPI, kills it, and looks again.

Usage: sdk.py PARLEY DATA. Prints the number of checks that held; any that does not ends with 1.
"""

import asyncio
import sys

from live import Server, Seen, check, checked, client, send, token, until

PARLEY, DATA = sys.argv[1:3]


async def main():
    server = Server(PARLEY, DATA)
    server.start()
    credentials = token(PARLEY, "42")
    reader, sender = client(server, credentials), client(server, credentials)
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
    print(checked())


asyncio.run(asyncio.wait_for(main(), 100))
