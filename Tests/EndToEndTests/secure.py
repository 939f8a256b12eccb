"""Drives the built command over TLS with the Centrifuge SDK from PyPI, unmodified.

Usage: secure.py PARLEY DATA CERTIFICATES, where the last is a folder with two certificates for 127.0.0.1 of one
root. Prints the number of checks that held; any that does not ends with 1.
"""

import asyncio
import os
import shutil
import signal
import ssl
import sys
import urllib.error
import urllib.request

CERTIFICATES = sys.argv[3]
ROOT = os.path.join(CERTIFICATES, "root.pem")
# What the client's own TLS trusts, so that it needs no change.
os.environ["SSL_CERT_FILE"] = ROOT

from centrifuge import Client, ClientEventHandler  # noqa: E402

from live import Seen, Server, check, checked, send, token, until  # noqa: E402

PARLEY, DATA = sys.argv[1:3]
KEY = "the key of the server API"
CONFIG = os.path.join(CERTIFICATES, "parley.yaml")


class Lives(ClientEventHandler):
    """How often a client was connected."""

    count = 0

    async def on_connected(self, context):
        self.count += 1


def path(name):
    return os.path.join(CERTIFICATES, name)


def install(name):
    """Puts a certificate where the server looks for it."""
    shutil.copy(path(f"{name}.pem"), path("server.pem"))
    shutil.copy(path(f"{name}.key"), path("server.key"))


def leaf(name):
    with open(path(f"{name}.pem")) as file:
        return file.read().split("-----END")[0].split()


def shown(server):
    """The certificate that a new connection is shown."""
    text = ssl.get_server_certificate(("127.0.0.1", server.port), timeout=5)
    return text.split("-----END")[0].split()


def client(server, credentials, lives=None):
    return Client(f"wss://127.0.0.1:{server.port}/connection/websocket", token=credentials,
                  events=lives, min_reconnect_delay=0.05, max_reconnect_delay=0.2)


def ask(server, place, body=None, key=None):
    headers = {"X-API-Key": key} if key else {}
    request = urllib.request.Request(
        f"https://127.0.0.1:{server.port}{place}", body, headers)
    with urllib.request.urlopen(request, timeout=5) as response:
        return response.status, response.read().decode()


def is_refused(server, context):
    try:
        urllib.request.urlopen(
            f"https://127.0.0.1:{server.port}/health", timeout=5, context=context)
        return False
    except (urllib.error.URLError, ssl.SSLError):
        return True


def old_protocol():
    context = ssl.create_default_context(cafile=ROOT)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


async def main():
    install("first")
    with open(CONFIG, "w") as file:
        file.write(f"apiKey: {KEY}\ntlsCertificate: {path('server.pem')}\n"
                   f"tlsKey: {path('server.key')}\n")
    server = Server(PARLEY, DATA)
    server.start(arguments=["--config", CONFIG])
    credentials = token(PARLEY, "42")
    lives = Lives()
    reader, sender = client(server, credentials, lives), client(server, credentials)
    await reader.connect()
    await sender.connect()
    seen = Seen()
    subscription = reader.new_subscription("lobby", seen)
    await subscription.subscribe()
    await subscription.ready()
    await subscription.publish({"n": 0})
    check(await until(lambda: seen.offsets == [1]), f"a publication arrives: {seen.offsets}")
    for index in range(20):
        await send(sender, f"large{index}", "x" * 60_000)
    check(await until(lambda: seen.offsets == list(range(1, 22))), f"large ones: {seen.offsets}")
    check(all(len(body) == 60_000 for body in seen.bodies[1:]), "whole")
    await reader.disconnect()
    for index in range(5):
        await send(sender, f"away{index}", index)
    await reader.connect()
    check(await until(lambda: seen.offsets == list(range(1, 27))), f"recovery: {seen.offsets}")

    check(await asyncio.to_thread(shown, server) == leaf("first"), "the first certificate")
    status, body = await asyncio.to_thread(ask, server, "/health")
    check(status == 200 and "ok" in body, f"health over https: {status} {body}")
    status, body = await asyncio.to_thread(ask, server, "/metrics")
    check("parley_connections 2" in body, f"metrics over https: {body}")
    publish = b'{"channel":"lobby","data":"by the API"}'
    status, body = await asyncio.to_thread(ask, server, "/api/publish", publish, KEY)
    check('"offset":27' in body, f"the server API over https: {status} {body}")
    check(await until(lambda: seen.offsets[-1] == 27), "and the reader hears it")
    check(await asyncio.to_thread(is_refused, server, old_protocol()), "TLS 1.1 is refused")

    install("second")
    server.process.send_signal(signal.SIGHUP)
    renewed = False
    for _ in range(50):
        renewed = await asyncio.to_thread(shown, server) == leaf("second")
        if renewed:
            break
        await asyncio.sleep(0.1)
    check(renewed, "SIGHUP shows the new certificate")
    await send(sender, "renewed", 1)
    check(await until(lambda: seen.offsets[-1] == 28), "connections go on")
    check(lives.count == 2, f"without a new life: {lives.count}")
    for name in ["server.pem", "server.key"]:
        with open(path(name), "w") as file:
            file.write("rubbish")
        server.process.send_signal(signal.SIGHUP)
        await asyncio.sleep(0.3)
        check(await asyncio.to_thread(shown, server) == leaf("second"), f"{name} is rubbish")
    await send(sender, "unharmed", 1)
    check(await until(lambda: seen.offsets[-1] == 29), "and nothing is lost")

    install("second")
    server.kill()
    server.start(server.port, arguments=["--config", CONFIG])
    # The clients have yet to notice that the server died.
    await asyncio.sleep(1)
    await sender.ready()
    await subscription.ready()
    await send(sender, "again", 1)
    check(await until(lambda: seen.offsets == list(range(1, 31))), f"kill -9: {seen.offsets}")
    await sender.disconnect()
    await reader.disconnect()
    check(await asyncio.to_thread(server.stop) == 0, "SIGTERM drains and ends with 0")
    print(checked())


asyncio.run(asyncio.wait_for(main(), 100))
