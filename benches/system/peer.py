"""Plays the roles of the benchmark with pylm.

    peer.py server DB PULL PUB
    peer.py master DB PULL PUB WORKER_PUSH WORKER_PULL
    peer.py worker NAME DB
    peer.py client DB SIZE SECONDS CALLS ANSWERING

A client prints what the benchmark's other clients print: `sample RATE P50 P99`.
"""

import sys
import threading
import time

from pylm import clients, servers

FUNCTION = "server.foo"

# Below the high-water mark of its sockets, beyond which a PUB drops.
WINDOW_MESSAGES = 500
WINDOW_BYTES = 16 << 20

UNCOUNTED = 200


class Echo(servers.Server):
    def foo(self, message):
        return message


class Work(servers.Worker):
    def foo(self, message):
        return message


class Load:
    def __init__(self, db, size):
        self.client = clients.Client("server", db)
        self.payload = b"x" * size
        self.window = max(1, min(WINDOW_MESSAGES, WINDOW_BYTES // size))

    def job(self, count, window, seen=lambda: None):
        """How long a job takes, from its first message to its last answer; `seen` is called for each of both."""
        batch = max(1, window // 10)
        room = threading.Semaphore(window // batch)
        began = []

        def inputs():
            # The subscription is under way, and nothing says when it is there.
            time.sleep(0.5)
            began.append(time.perf_counter())
            for number in range(count):
                if number % batch == 0:
                    room.acquire()
                seen()
                yield self.payload

        for number, answer in enumerate(self.client.job(FUNCTION, inputs(), messages=count), 1):
            seen()
            if number % batch == 0:
                room.release()
            if len(answer) != len(self.payload):
                raise ValueError("the answer is another one")
        return time.perf_counter() - began[0]

    def rate(self, wanted):
        count = 1000
        while True:
            taken = self.job(count, self.window)
            if taken >= wanted / 2:
                return count / taken
            count = int(count * min(20, max(2, wanted / taken)))

    def round_trips(self, calls):
        times = []
        self.job(UNCOUNTED + calls, 1, lambda: times.append(time.perf_counter()))
        taken = [1e6 * (end - start) for start, end in zip(times[::2], times[1::2])]
        return sorted(taken[UNCOUNTED:])


def client(db, size, seconds, calls, _answering):
    load = Load(db, int(size))
    rate = load.rate(float(seconds))
    times = load.round_trips(int(calls))
    print("sample", rate, times[len(times) // 2], times[len(times) * 99 // 100], flush=True)


def ready(component):
    print("ready", flush=True)
    component.start()


def server(db, pull, pub):
    ready(Echo("server", db_address=db, pull_address=pull, pub_address=pub))


def master(db, pull, pub, worker_push, worker_pull):
    ready(
        servers.Master(
            name="server",
            pull_address=pull,
            pub_address=pub,
            worker_push_address=worker_push,
            worker_pull_address=worker_pull,
            db_address=db,
        )
    )


def worker(name, db):
    ready(Work(name, db))


if __name__ == "__main__":
    {"server": server, "master": master, "worker": worker, "client": client}[sys.argv[1]](*sys.argv[2:])
