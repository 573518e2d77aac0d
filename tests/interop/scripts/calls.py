"""One client that calls `my_server.foo` many times in a row and checks that each call gets its own answer.

    calls.py EVALS SINGLE_JOBS LOCKSTEP

EVALS calls of `eval`; SINGLE_JOBS jobs of one message each; one job of LOCKSTEP messages, each of which is
sent when the answer to the one before has come. Prints one JSON object: the number of calls, those with a
wrong answer, those that took longer than 0.4 s, the total in seconds, and the server's counters if it has any.
"""

import json
import sys
import threading
import time

from pylm.clients import Client

SLOW = 0.4
FUNCTION = "my_server.foo"


class Tally:
    def __init__(self):
        self.calls, self.wrong, self.slow = 0, [], 0

    def add(self, payload, answer, began):
        self.calls += 1
        self.slow += time.monotonic() - began > SLOW
        if answer != b"you sent me " + payload:
            self.wrong.append("%r for %r" % (answer, payload))


def lockstep(client, count, tally):
    answered = threading.Semaphore(1)
    sent = []

    def inputs():
        for number in range(count):
            answered.acquire()
            sent.append((b"step %d" % number, time.monotonic()))
            yield sent[-1][0]

    for answer in client.job(FUNCTION, inputs(), messages=count):
        payload, began = sent[-1]
        tally.add(payload, answer, began)
        answered.release()


def main():
    evals, singles, steps = map(int, sys.argv[1:4])
    client = Client("my_server", "tcp://127.0.0.1:5555")
    tally = Tally()
    start = time.monotonic()
    for number in range(evals):
        payload, began = b"eval %d" % number, time.monotonic()
        tally.add(payload, client.eval(FUNCTION, payload), began)
    for number in range(singles):
        payload, began = b"job %d" % number, time.monotonic()
        for answer in client.job(FUNCTION, iter([payload]), messages=1):
            tally.add(payload, answer, began)
    if steps:
        lockstep(client, steps, tally)
    total = time.monotonic() - start
    counters = client.get("_palm.stats")
    print(
        json.dumps(
            {
                "calls": tally.calls,
                "wrong": tally.wrong[:10],
                "slow": tally.slow,
                "seconds": round(total, 3),
                "counters": json.loads(counters) if counters else None,
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
