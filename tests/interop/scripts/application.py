"""A component as an executable with the arguments that a registry's runner gives it, played by pylm.

    application.py master --name NAME [--pull A] [--pub A] [--wpush A] [--wpull A] [--db A]
    application.py worker [--name NAME] [--db A]
    application.py launcher --server NAME --function FUNCTION [--db A]
"""

import argparse
import itertools
import uuid

from pylm import clients, servers

PORTS = {"pull": 5555, "pub": 5556, "wpush": 5557, "wpull": 5558, "db": 5559}


class Processing(servers.Worker):
    def foo(self, message):
        return self.name.encode() + b" processed" + message


def address(parser, *flags):
    for flag in flags:
        parser.add_argument("--" + flag, default="tcp://127.0.0.1:%d" % PORTS[flag])


def arguments():
    parser = argparse.ArgumentParser()
    roles = parser.add_subparsers(dest="role", required=True)
    master = roles.add_parser("master")
    master.add_argument("--name", required=True)
    address(master, *PORTS)
    worker = roles.add_parser("worker")
    worker.add_argument("--name", default=str(uuid.uuid4()))
    address(worker, "db")
    launcher = roles.add_parser("launcher")
    launcher.add_argument("--server", required=True)
    launcher.add_argument("--function", required=True)
    address(launcher, "db")
    return parser.parse_args()


def main():
    given = arguments()
    if given.role == "master":
        servers.Master(
            name=given.name,
            pull_address=given.pull,
            pub_address=given.pub,
            worker_push_address=given.wpush,
            worker_pull_address=given.wpull,
            db_address=given.db,
        ).start()
    elif given.role == "worker":
        Processing(given.name, given.db).start()
    else:
        call = "%s.%s" % (given.server, given.function)
        inputs = itertools.repeat(b" a message", 10)
        for answer in clients.Client(given.server, given.db).job(call, inputs, messages=10):
            print(answer, flush=True)


if __name__ == "__main__":
    main()
