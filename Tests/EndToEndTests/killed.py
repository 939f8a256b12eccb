"""Kills the server under a real load run, again and again, and looks into its database afterwards.

Usage: killed.py PARLEY FOLDER SEED [tamper]. Prints one JSON object: what the load generator found, how
often clients had to page, and what the database holds. With `tamper` the end of a log is cut off while
the server is dead, which the load generator must notice.
"""

import json
import os
import random
import sqlite3
import subprocess
import sys
import time

from live import SECRET, Server, check

PARLEY, FOLDER, SEED = sys.argv[1:4]
TAMPERS = "tamper" in sys.argv[4:]
# The sleepy come back when a group of 120 messages a second has left the recovery limit behind.
WORKLOAD = """
name: killed
users: 30
messagesPerSecond: 5
bodyBytes: 64
rampUp: 1 s
duration: 14 s
settle: 25 s
conversations:
  - { members: 2, perUser: 1 }
  - { members: 30, perUser: 3 }
cohorts:
  - { name: quick, share: 4, backoffMinimum: 100 ms, reconnectMaximum: 500 ms }
  - { name: sleepy, share: 1, backoffMinimum: 9 s, reconnectMaximum: 10 s, sendLimit: 128 }
"""


def tamper(path):
    """Cuts the last messages off the longest log."""
    database = sqlite3.connect(path)
    conversation, head = database.execute(
        "SELECT id, head FROM conversations ORDER BY head DESC LIMIT 1").fetchone()
    cut = head - 40
    database.execute("DELETE FROM messages WHERE conversation = ? AND offset > ?",
                     (conversation, cut))
    database.execute("DELETE FROM message_ids WHERE conversation = ? AND offset > ?",
                     (conversation, cut))
    database.execute("UPDATE conversations SET head = ? WHERE id = ?", (cut, conversation))
    database.commit()
    database.close()


def faults(path):
    """What is wrong with the logs in a database, and how many messages they hold."""
    database = sqlite3.connect(path)
    wrong = []
    for conversation, head in database.execute("SELECT id, head FROM conversations"):
        offsets = [row[0] for row in database.execute(
            "SELECT offset FROM messages WHERE conversation = ? ORDER BY offset", (conversation,))]
        if offsets != list(range(1, head + 1)):
            wrong.append(f"offsets of {conversation.hex()} are not 1 to {head}")
    repeated = database.execute(
        "SELECT COUNT(*) FROM (SELECT 1 FROM messages WHERE message_id IS NOT NULL"
        " GROUP BY conversation, user, message_id HAVING COUNT(*) > 1)").fetchone()[0]
    if repeated:
        wrong.append(f"{repeated} ids stand in a log twice")
    count = database.execute("SELECT COUNT(*) FROM messages").fetchone()[0]
    database.close()
    return wrong, count


def planted(path):
    """The look into the database finds a hole and a repeat when there are some."""
    for change in ["DELETE FROM messages WHERE offset = 2",
                   "UPDATE messages SET message_id = (SELECT MAX(message_id) FROM messages)"]:
        copy = f"{FOLDER}/planted.sqlite"
        source, target = sqlite3.connect(path), sqlite3.connect(copy)
        source.backup(target)
        source.close()
        target.execute(change)
        target.commit()
        target.close()
        check(faults(copy)[0], f"a database is wrong after: {change}")
        os.remove(copy)


def main():
    draws = random.Random(int(SEED))
    data = f"{FOLDER}/data"
    path = f"{data}/parley.sqlite"
    with open(f"{FOLDER}/killed.yaml", "w") as file:
        file.write(WORKLOAD)
    server = Server(PARLEY, data)
    server.start()
    load = subprocess.Popen(
        [PARLEY, "load", f"{FOLDER}/killed.yaml", "--seed", SEED, "--json", "--token-hmac-secret", SECRET,
         "--url", f"ws://127.0.0.1:{server.port}/connection/websocket"],
        stdout=subprocess.PIPE, text=True)
    for life in range(3):
        time.sleep(draws.uniform(2, 4))
        server.kill()
        if TAMPERS and life == 1:
            tamper(path)
        time.sleep(draws.uniform(0, 0.3))
        server.start(server.port)
    printed = load.stdout.read()
    status = load.wait()
    check(server.stop() == 0, "SIGTERM drains and ends with 0")
    report = json.loads(printed)
    wrong, count = faults(path)
    if not TAMPERS:
        planted(path)
    print(json.dumps({
        "status": status, "verdict": report["verdict"], "violations": report["violations"],
        "sent": report["sent"], "acknowledged": report["acknowledged"],
        "reconnects": report["reconnects"], "unrecovered": report["unrecovered"],
        "expected": report["deliveriesExpected"], "received": report["deliveriesReceived"],
        "stored": count, "wrong": wrong}))


main()
