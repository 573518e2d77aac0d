"""A pylm worker that answers the harness's questions: worker.py NAME DB_ADDRESS WORK_SECONDS"""

import json
import os
import struct
import sys
import time
import zlib

from pylm.servers import Worker

NAME, DB, WORK = sys.argv[1], sys.argv[2], float(sys.argv[3])
HISTORY = os.open(os.environ["PALM_FAULTS_HISTORY"], os.O_WRONLY | os.O_APPEND)


def note(**event):
    os.write(HISTORY, json.dumps(event).encode() + b"\n")


def checksum(payload):
    filler = payload[13:]
    return zlib.crc32(payload[:9] + filler[:: 1 + len(filler) // 256])


class Work(Worker):
    def foo(self, message):
        sequence, checked = struct.unpack("<QI", message[1:13])
        if message[:1] != b"q" or checked != checksum(message):
            note(t="corrupt", who=NAME)
            raise ValueError("the payload is not whole")
        note(t="executed", seq=sequence, who=NAME)
        if WORK:
            time.sleep(WORK)
        answer = b"a" + message[1:]
        return answer[:9] + struct.pack("<I", checksum(answer)) + answer[13:]


Work(NAME, db_address=DB).start()
