"""Parts of pylm, each as a peer of one of ours: `peer.py ROLE [ADDRESS]`. What it prints is read by the tests."""

import http.server
import logging
import socket
import sys
import threading

import zmq
from pylm.parts import connections, servers, services
from pylm.parts.messages_pb2 import PalmMessage
from pylm.servers import Worker

logging.disable(logging.INFO)


def free():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return "tcp://127.0.0.1:%d" % taken.getsockname()[1]


def say(text):
    print(text, flush=True)


class Shout(http.server.BaseHTTPRequestHandler):
    """What stands behind pylm's only outbound part with feedback."""

    def do_POST(self):
        message = PalmMessage.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        message.payload = message.payload.upper()
        body = message.SerializeToString()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def rep(block):
    """A RepService, at an address that it prints, that answers in capitals or that it has it."""
    back = http.server.HTTPServer(("127.0.0.1", 0), Shout)
    threading.Thread(target=back.serve_forever, daemon=True).start()
    template, address = servers.ServerTemplate(), free()
    template.register_inbound(services.RepService, "Rep", address, route="Http", block=block)
    template.register_outbound(connections.HttpConnection, "Http", "http://127.0.0.1:%d/" % back.server_port)
    say(address)
    template.start()


def ask(address):
    """Asks as a Python client of a RepService does, and says what it got."""
    request = zmq.Context().socket(zmq.REQ)
    request.connect(address)
    for number in range(5):
        message = PalmMessage(function="answers.shout", client="me", payload=b"a%d" % number)
        request.send(message.SerializeToString())
        answer = PalmMessage.FromString(request.recv())
        say("%s %s %s" % (answer.payload.decode(), answer.client, bool(answer.cache)))


def metrics(address):
    """Sends to whoever pulls."""
    part = connections.PushBypassConnection("metrics", address)
    for number in range(5):
        message = PalmMessage(function="any.thing", payload=b"metric %d" % number)
        part.send(message.SerializeToString())
    sys.stdin.read()


class Processing(Worker):
    def foo(self, message):
        return self.name.encode() + b" processed " + message


def worker(db_address):
    Processing("worker1", db_address=db_address).start()


if __name__ == "__main__":
    roles = {
        "rep": lambda: rep(True),
        "rep_at_once": lambda: rep(False),
        "ask": lambda: ask(sys.argv[2]),
        "metrics": lambda: metrics(sys.argv[2]),
        "worker": lambda: worker(sys.argv[2]),
    }
    roles[sys.argv[1]]()
