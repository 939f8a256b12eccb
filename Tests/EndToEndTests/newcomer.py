"""Two users chat as the README says, with its own program, while the server is killed.

Usage: newcomer.py PARLEY README FOLDER. Prints the number of checks that held.
"""

import asyncio
import re
import sys

from live import Server, check, checked, token

PARLEY, README, FOLDER = sys.argv[1:4]


class Terminal:
    """A user at a terminal; what the program printed there."""

    def __init__(self, process):
        self.process, self.lines = process, []
        self.reader = asyncio.create_task(self.read())

    @classmethod
    async def open(cls, program, user):
        return cls(await asyncio.create_subprocess_exec(
            sys.executable, program, token(PARLEY, user),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE))

    async def read(self):
        async for line in self.process.stdout:
            self.lines.append(line.decode().rstrip("\n"))

    async def type(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        await self.process.stdin.drain()

    async def shows(self, lines):
        for _ in range(1500):
            if self.lines == lines:
                return True
            await asyncio.sleep(0.02)
        return False

    async def leave(self):
        await self.type("")
        code = await self.process.wait()
        await self.reader
        return code


async def main():
    with open(README, encoding="utf-8") as page:
        program = re.search(r"```python\n(.*?)```", page.read(), re.DOTALL).group(1)
    server = Server(PARLEY, FOLDER + "/data")
    server.start()
    path = FOLDER + "/chat.py"
    with open(path, "w", encoding="utf-8") as file:
        file.write(program.replace("localhost:8000", f"127.0.0.1:{server.port}"))
    alice, bob = await Terminal.open(path, "alice"), await Terminal.open(path, "bob")
    expected = []

    async def say(terminal, user, text):
        await terminal.type(text)
        expected.append(f"{len(expected) + 1} {user}: {text}")

    for turn in range(3):
        for terminal, user in ((alice, "alice"), (bob, "bob")):
            await say(terminal, user, f"turn {turn}")
            for screen in (alice, bob):
                check(await screen.shows(expected), f"both see it: {screen.lines}, {expected}")
    server.kill()
    await say(alice, "alice", "is anybody there?")
    await asyncio.sleep(1)
    server.start(server.port)
    for screen in (alice, bob):
        check(await screen.shows(expected), f"what was typed meanwhile arrives: {screen.lines}")
    carol = await Terminal.open(path, "carol")
    check(await carol.shows(expected), f"who comes later reads the history: {carol.lines}")
    for terminal in (alice, bob, carol):
        check(await terminal.leave() == 0, "an empty line ends the program")
    check(server.stop() == 0, "the server drains")
    print(checked())


asyncio.run(main())
