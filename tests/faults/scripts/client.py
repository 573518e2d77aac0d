"""A pylm client: client.py fresh|row|trickle|slow DB_ADDRESS COUNT SIZE

fresh: COUNT calls, each by a client of its own. row: COUNT calls by one client. trickle: a job whose messages are yielded
one after another. slow: a job whose results are taken slowly.
"""

import json
import os
import struct
import sys
import threading
import time
import zlib

from pylm.clients import Client

MODE, DB, COUNT, SIZE = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
# Of those that are made anew for each call, so many at a time: more of them where there are many.
AT_ONCE = 100 if COUNT > 1_000 else 50
HISTORY = os.open(os.environ["PALM_FAULTS_HISTORY"], os.O_WRONLY | os.O_APPEND)


def note(**event):
    os.write(HISTORY, json.dumps(event).encode() + b"\n")


def checksum(payload):
    filler = payload[13:]
    return zlib.crc32(payload[:9] + filler[:: 1 + len(filler) // 256])


def question(sequence):
    note(t="attempt", seq=sequence)
    payload = b"q" + struct.pack("<QI", sequence, 0) + bytes(max(SIZE - 13, 0))
    return payload[:9] + struct.pack("<I", checksum(payload)) + payload[13:]


def take(answer):
    if answer[:1] == b"a" and struct.unpack("<I", answer[9:13])[0] == checksum(answer):
        note(t="result", seq=struct.unpack("<Q", answer[1:9])[0])
    else:
        note(t="corrupt", who="client")


def fresh(numbers):
    # A client of pylm sleeps for half a second when it is made, so many are made at a time.
    for number in numbers:
        take(Client("server", DB).eval("server.foo", question(number)))


if MODE == "fresh":
    threads = [threading.Thread(target=fresh, args=(range(place, COUNT, AT_ONCE),)) for place in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
elif MODE == "row":
    client = Client("server", DB)
    for number in range(COUNT):
        take(client.eval("server.foo", question(number)))
else:
    questions = (question(number) for number in range(COUNT))
    for answer in Client("server", DB).job("server.foo", questions, messages=COUNT):
        take(answer)
        if MODE == "slow":
            time.sleep(0.0005)
os._exit(0)
