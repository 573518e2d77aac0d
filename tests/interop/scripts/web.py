"""Plays an HTTP part of pylm.

    web.py worker PORT          a web worker whose method adds to its payload
    web.py service PORT URL     a service that hands what it is called with to a worker, and answers with the result
    web.py call URL             calls `server.foo`, and prints the payload of the answer
"""

import sys
import urllib.request

from pylm.parts import connections, messages_pb2, services
from pylm.parts.servers import ServerTemplate
from pylm.remote.server import DebugServer, RequestHandler


class Online(RequestHandler):
    def foo(self, payload):
        return payload + b" processed online"

    def fail(self, payload):
        raise ValueError("this method fails on purpose")


def worker(port):
    DebugServer("127.0.0.1", int(port), Online).serve_forever()


def service(port, url):
    template = ServerTemplate()
    template.register_inbound(
        services.HttpService, "Http", "127.0.0.1", route="HttpConnection", block=True, port=int(port)
    )
    template.register_outbound(connections.HttpConnection, "HttpConnection", url)
    template.start()


def call(url):
    message = messages_pb2.PalmMessage(function="server.foo", payload=b"a message")
    with urllib.request.urlopen(urllib.request.Request(url, data=message.SerializeToString())) as response:
        message.ParseFromString(response.read())
    print(message.payload)


if __name__ == "__main__":
    {"worker": worker, "service": service, "call": call}[sys.argv[1]](*sys.argv[2:])
