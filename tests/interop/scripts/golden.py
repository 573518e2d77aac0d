"""Prints PalmMessages as pylm's own message type encodes them: name, fields as JSON, bytes as hex, with tabs between.

    target/pylm-venv/bin/python tests/interop/scripts/golden.py > tests/wire/golden.txt

Absent fields have their default. `payload` is hex, of which `payload_times` copies are meant. `unknown` is hex of
encoded fields that pylm does not know and that it kept when it decoded and encoded the message again.
"""

import json

from pylm.parts.messages_pb2 import PalmMessage

CLIENT = "c0a8f3de-0f4b-4f6e-9a57-2b8f8f4f1a11"
SESSION = "5b1f7a3c-9d2e-4e0b-8c6d-7e3a1f2b4c5d"
CIRCULATING = "0d9c8b7a-6f5e-4d3c-ab2a-190817263544"

FIELD_1001 = bytes([0xCA, 0x3E, 3]) + b"abc"
FIELD_16 = bytes([0x82, 0x01, 16]) + bytes(range(16))
VARINT_2047 = bytes([0xF8, 0x7F, 0x96, 0x01])

FULL = {
    "pipeline": SESSION,
    "client": CLIENT,
    "stage": 1,
    "function": "my_server.foo my_pipeline.foo",
    "cache": CIRCULATING,
    "payload": b"a message".hex(),
}

MESSAGES = [
    ("empty", {}),
    ("all_fields", FULL),
    ("stage_0", {**FULL, "stage": 0}),
    ("stage_minus_1", {"stage": -1}),
    ("stage_127", {"stage": 127}),
    ("stage_128", {"stage": 128}),
    ("stage_largest", {"stage": 2**63 - 1}),
    ("stage_smallest", {"stage": -(2**63)}),
    ("one_function", {"pipeline": SESSION, "client": CLIENT, "function": "server.foo", "payload": b"x".hex()}),
    ("non_ascii_text", {"function": "sërver.föö", "cache": "clé 鍵 🔑", "client": "κλειδί"}),
    ("cache_set", {"client": CLIENT, "function": "server.set", "cache": "cached", "payload": b" cached data ".hex()}),
    ("cache_get", {"client": CLIENT, "function": "server.get", "payload": b"pull_address".hex()}),
    ("payload_binary", {"payload": bytes(range(256)).hex()}),
    ("payload_zero", {"payload": b"0".hex()}),
    ("payload_127_bytes", {"payload": "61", "payload_times": 127}),
    ("payload_128_bytes", {"payload": "61", "payload_times": 128}),
    ("payload_20000_bytes", {"payload": "a55a", "payload_times": 10_000}),
    ("unknown_field_1001", {**FULL, "unknown": FIELD_1001.hex()}),
    ("unknown_field_16", {**FULL, "unknown": FIELD_16.hex()}),
    ("unknown_only", {"unknown": (VARINT_2047 + FIELD_1001).hex()}),
]


def encode(fields):
    message = PalmMessage()
    for name in ("pipeline", "client", "stage", "function", "cache"):
        if name in fields:
            setattr(message, name, fields[name])
    message.payload = bytes.fromhex(fields.get("payload", "")) * fields.get("payload_times", 1)
    again = PalmMessage()
    again.ParseFromString(message.SerializeToString() + bytes.fromhex(fields.get("unknown", "")))
    return again.SerializeToString()


for label, fields in MESSAGES:
    print(label, json.dumps(fields, ensure_ascii=True), encode(fields).hex(), sep="\t")
