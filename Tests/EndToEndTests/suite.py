"""Runs the SDK's own tests, as its source distribution has them, against the built command.

Usage: suite.py PARLEY SUITE DATA, where SUITE is the unpacked distribution. The tests name a server on
port 8000; here they are given the port that the server chose, in memory. Each runs in a process of its
own, because one that waits for what never comes waits for ever. Prints a line of JSON for each test:
its name, and what went wrong, or null.
"""

import concurrent.futures
import json
import pathlib
import subprocess
import sys
import types
import unittest

from live import Server

DEADLINE = 25
CONFIGURATION = """\
personalChannels: true
defaultNamespace:
  historySize: 100
  historyAge: 300 s
  presence: true
  joinLeave: true
  forcePushJoinLeave: true
namespaces:
  - name: smallhistory
    historySize: 2
    historyAge: 300 s
"""


def tests(port):
    """The tests of test_client.py, looking for a server on the port."""
    from tests import centrifugo
    centrifugo.CENTRIFUGO_HTTP_URL = f"http://localhost:{port}"
    path = pathlib.Path(centrifugo.__file__).with_name("test_client.py")
    text = path.read_text().replace("localhost:8000", f"localhost:{port}")
    module = types.ModuleType("tests.test_client")
    sys.modules[module.__name__] = module
    exec(compile(text, path, "exec"), module.__dict__)
    found = {}
    for group in unittest.defaultTestLoader.loadTestsFromModule(module):
        for test in group:
            found[test.id().removeprefix("tests.test_client.")] = test
    return found


def run_one(port, name):
    """In a process of its own: runs one test and tells by the exit code how it went."""
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=0).run(tests(port)[name])
    sys.exit(not result.wasSuccessful())


def run(suite, port, name):
    arguments = [sys.executable, __file__, "--one", suite, str(port), name]
    try:
        ended = subprocess.run(arguments, capture_output=True, text=True, timeout=DEADLINE)
    except subprocess.TimeoutExpired:
        return f"waits for ever: stopped after {DEADLINE} s"
    return None if ended.returncode == 0 else ended.stdout[-2000:]


def main(parley, suite, data):
    configuration = pathlib.Path(data) / "parley.yaml"
    configuration.write_text(CONFIGURATION)
    server = Server(parley, str(pathlib.Path(data) / "data"))
    server.start(arguments=["--config", str(configuration)])
    try:
        sys.path.insert(0, suite)
        names = list(tests(server.port))
        # All speak for one user. This one takes every join in the user's channel for its own.
        alone = [name for name in names if name.startswith("TestServerSideSubscriptions.")]
        together = [name for name in names if name not in alone]
        for width, names in (4, together), (1, alone):
            with concurrent.futures.ThreadPoolExecutor(width) as pool:
                outcomes = pool.map(lambda name: run(suite, server.port, name), names)
                for name, failure in zip(names, outcomes):
                    print(json.dumps({"test": name, "failure": failure}), flush=True)
    except BaseException:
        # A server that outlives this script holds its output open, for which whoever reads it waits.
        server.kill()
        raise
    sys.exit(server.stop())


if sys.argv[1] == "--one":
    sys.path.insert(0, sys.argv[2])
    run_one(int(sys.argv[3]), sys.argv[4])
else:
    main(*sys.argv[1:4])
