"""A server of pylm on ports of the system's choice; prints the address of its cache when it is up."""

import socket
import threading

from pylm.servers import Server


class MyServer(Server):
    def foo(self, message):
        return b"you sent me " + message

    def fail(self, message):
        raise ValueError("nobody is told")


def free(number):
    taken = [socket.socket() for _ in range(number)]
    for one in taken:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in taken]
    for one in taken:
        one.close()
    return ["tcp://127.0.0.1:%d" % port for port in ports]


db, pull, pub = free(3)
server = MyServer("my_server", db_address=db, pull_address=pull, pub_address=pub)
threading.Timer(0, lambda: print(db, flush=True)).start()
server.start()
