"""Cuts the power under a server that is being written to, and looks for what it had acknowledged.

Usage: power.py PARLEY DISK FOLDER SEED [lies]. DISK is the library of a disk that forgets what was not
synced. Prints how many acknowledged messages were looked for and how many were lost; with `lies` the
disk syncs nothing, and messages must be lost. Anything else that does not hold ends with 1.
"""

import asyncio
import os
import random
import shutil
import sys

from live import Server, check, client, send, token

PARLEY, DISK, FOLDER, SEED = sys.argv[1:5]
LIES = "lies" in sys.argv[5:]
SENDERS = 6


def disk(data, mirror):
    os.makedirs(mirror)
    environment = {"LD_PRELOAD": DISK, "FORGETFUL_DISK_WATCH": data,
                   "FORGETFUL_DISK_MIRROR": mirror, "FORGETFUL_DISK_SEED": SEED}
    if LIES:
        environment["FORGETFUL_DISK_LIES"] = "1"
    return environment


async def burst(sender, name, acknowledged):
    for index in range(100_000):
        message = f"{name}-{index}"
        acknowledged[message] = (await send(sender, message, index))["offset"]


async def main():
    data, mirror = f"{FOLDER}/data", f"{FOLDER}/mirror"
    server = Server(PARLEY, data)
    server.start(environment=disk(data, mirror))
    senders = [client(server, token(PARLEY, f"user{index}")) for index in range(SENDERS)]
    acknowledged = [{} for _ in senders]
    for sender in senders:
        await sender.connect()
        await sender.ready()
    tasks = [asyncio.create_task(burst(sender, f"m{index}", acknowledged[index]))
             for index, sender in enumerate(senders)]
    await asyncio.sleep(random.Random(int(SEED)).uniform(0.4, 1.2))
    server.kill()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    shutil.rmtree(data)
    shutil.move(mirror, data)
    server.start(server.port)
    looked_for, lost = 0, 0
    places = set()
    for index, sender in enumerate(senders):
        await sender.ready()
        check(acknowledged[index], "each sender had sent when the power went")
        for message, offset in acknowledged[index].items():
            repeat = await send(sender, message, None)
            looked_for += 1
            if not repeat["duplicate"] or repeat["offset"] != offset:
                lost += 1
            places.add(repeat["offset"])
    check(lost > 0 or len(places) == looked_for, "acknowledged messages have places of their own")
    for sender in senders:
        await sender.disconnect()
    check(server.stop() == 0, "SIGTERM drains and ends with 0")
    print(looked_for, lost)


asyncio.run(asyncio.wait_for(main(), 60))
