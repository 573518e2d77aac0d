"""Plays one role of one pattern with pylm, on the ports that the documentation gives to that pattern.

    peer.py PATTERN ROLE [NAME]

A client prints its answers on stdout and ends; every other role stays until it is told to end.
"""

import itertools
import logging
import sys
import urllib.request

from pylm import clients, servers
from pylm.parts import connections, gateways, services
from pylm.parts.servers import ServerTemplate
from pylm.remote.server import DebugServer, RequestHandler


def at(port):
    return "tcp://127.0.0.1:%d" % port


# A client's view of a pattern: who is asked, where, what for, and how the answers are printed.
class Ask:
    def __init__(self, server, db, steps, send=None, take=None, sub=None, cached=False, label=True):
        self.server, self.db, self.steps, self.sub = server, db, steps, sub
        self.send, self.take, self.cached, self.label = send, take, cached, label


PLAIN = ["my_server.foo"]
TWO = ["my_server.foo", "my_pipeline.foo"]
THREE = TWO + ["my_sink.foo"]

CLIENTS = {
    "single": Ask("my_server", 5555, PLAIN),
    "error": Ask("my_server", 5555, PLAIN),
    "pipeline": Ask("my_server", 5555, TWO, sub=5561),
    "sink": Ask("my_server", 5555, TWO, sub=5561),
    "tee": Ask("my_server", 5555, TWO, sub=5561),
    "stream": Ask("my_server", 5555, TWO, send=10, take=5, sub=5561),
    "stream_sink": Ask("my_server", 5555, THREE, send=10, take=10, sub=5581),
    "server_hub": Ask("server", 5555, ["server.foo", "hub.foo"], sub=5558),
    "parallel": Ask("server", 5559, ["server.foo"], send=10, take=10, label=False),
    "mux_parallel": Ask("server", 5559, ["server.foo"], send=10, take=10, label=False),
    "template": Ask("server", 5559, ["server.foo"], send=10, take=10, label=False),
    "http": Ask("server", 5559, ["server.foo"], send=10, take=10, label=False),
    "cache": Ask("server", 5559, ["server.foo"], send=10, take=10, cached=True, label=False),
    "scatter": Ask("server", 5559, ["server.foo"], send=10, take=30, cached=True, label=False),
    "gather": Ask("server", 5559, ["server.foo"], send=10, take=30, cached=True, label=False),
    "logging": Ask("server", 5559, ["server.foo"], send=10, take=30, cached=True, label=False),
    "master_pipeline": Ask(
        "server", 5559, ["server.foo", "my_pipeline.foo"], send=10, take=10, sub=5561, label=False
    ),
}


def client(pattern, _name):
    if pattern == "gateway":
        return print(urllib.request.urlopen("http://localhost:8888/function").read(), flush=True)
    ask = CLIENTS[pattern]
    caller = clients.Client(ask.server, at(ask.db), sub_address=ask.sub and at(ask.sub))
    steps = ask.steps if len(ask.steps) > 1 else ask.steps[0]

    def show(answer):
        print(*(["Client got: "] if ask.label else []), answer, flush=True)

    if ask.cached:
        caller.set(b" cached data ", "cached")
        show(caller.get("cached"))
    if ask.send is None:
        show(caller.eval(steps, b"a message"))
    else:
        inputs = itertools.repeat(b"a message", ask.send)
        for answer in caller.job(steps, inputs, messages=ask.take):
            show(answer)


class Prefixing(servers.Server):
    def foo(self, message):
        self.logger.warning("one message came in")
        return b"you sent me " + message


class Raising(servers.Server):
    def foo(self, message):
        raise ValueError("this method fails on purpose")


class Alternating(Prefixing):
    """The first, third, … message goes to `even`, the others to `odd`."""

    topics = itertools.cycle(["even", "odd"])

    def handle_stream(self, message):
        message.stage += 1
        return next(self.topics), message


def server(pattern, _name):
    kind = {"error": Raising, "stream": Alternating, "stream_sink": Alternating}.get(pattern, Prefixing)
    kind(
        "server" if pattern == "server_hub" else "my_server",
        db_address=at(5555),
        pull_address=at(5556),
        pub_address=at(5557),
        pipelined=pattern not in ("single", "error"),
        log_level=logging.DEBUG,
    ).start()


class Appending(servers.Pipeline):
    def foo(self, message):
        return b"and I pipelined " + message


class Silent(servers.Pipeline):
    """Delivers nothing."""

    def foo(self, message):
        self.logger.info("took %r", message)


class Gathering(servers.Sink):
    def foo(self, message):
        return b"and gathered " + message


class Last(servers.Sink):
    def foo(self, message):
        return b"and I pipelined " + message


def pipeline_role(kind, db, sub, pub, previous, to_client=True):
    return lambda: kind(
        "my_pipeline",
        db_address=at(db),
        sub_address=at(sub),
        pub_address=at(pub),
        previous=previous,
        to_client=to_client,
    ).start()


def sink_role(kind, name, db, subs, pub, previous):
    return lambda: kind(
        name,
        db_address=at(db),
        sub_addresses=[at(port) for port in subs],
        pub_address=at(pub),
        previous=previous,
        to_client=True,
    ).start()


DOWNSTREAM = {
    ("pipeline", "pipeline"): pipeline_role(Appending, 5560, 5557, 5561, "my_server"),
    ("master_pipeline", "pipeline"): pipeline_role(Appending, 5560, 5556, 5561, "server"),
    ("tee", "pipeline_close"): pipeline_role(Appending, 5560, 5557, 5561, "my_server"),
    ("tee", "pipeline_echo"): pipeline_role(Silent, 5570, 5557, 5571, "my_server"),
    ("stream", "pipeline_close"): pipeline_role(Appending, 5560, 5557, 5561, "even"),
    ("stream", "pipeline_echo"): pipeline_role(Silent, 5570, 5557, 5571, "odd"),
    ("stream_sink", "pipeline_even"): pipeline_role(Appending, 5560, 5557, 5561, "even", False),
    ("stream_sink", "pipeline_odd"): pipeline_role(Appending, 5570, 5557, 5571, "odd", False),
    ("stream_sink", "sink"): sink_role(Gathering, "my_sink", 5580, [5561, 5571], 5581, ["my_pipeline"] * 2),
    ("sink", "sink"): sink_role(Last, "my_pipeline", 5560, [5557], 5561, ["my_server"]),
}


class Thrice(servers.Master):
    def scatter(self, message):
        yield from itertools.repeat(message, 3)


class Counting(Thrice):
    """Changes the thirtieth result."""

    results = itertools.count(1)

    def gather(self, message):
        last = next(self.results) == 30
        yield self.change_payload(message, b"final message") if last else message


class Talking(Counting):
    def scatter(self, message):
        self.logger.info("scattering")
        yield from super().scatter(message)

    def gather(self, message):
        self.logger.debug("gathering")
        yield from super().gather(message)


MASTER = {
    "pull_address": at(5555),
    "pub_address": at(5556),
    "worker_pull_address": at(5557),
    "worker_push_address": at(5558),
    "db_address": at(5559),
}


def master(pattern, _name):
    if pattern == "template":
        return from_parts()
    if pattern == "http":
        return to_the_web()
    kind = {"scatter": Thrice, "gather": Counting, "logging": Talking}.get(pattern, servers.Master)
    level = logging.DEBUG if pattern == "logging" else logging.INFO
    kind(name="server", pipelined=pattern == "master_pipeline", log_level=level, **MASTER).start()


def from_parts():
    template = ServerTemplate()
    for part, name, key, route in [
        (services.PullService, "Pull", "pull_address", "WorkerPush"),
        (services.WorkerPullService, "WorkerPull", "worker_pull_address", "Pub"),
    ]:
        template.register_inbound(part, name, MASTER[key], route=route)
    for part, name, key in [
        (services.WorkerPushService, "WorkerPush", "worker_push_address"),
        (services.PubService, "Pub", "pub_address"),
    ]:
        template.register_outbound(part, name, MASTER[key])
    template.register_bypass(services.CacheService, "Cache", MASTER["db_address"])
    template.preset_cache(name="server", **MASTER)
    template.start()


def to_the_web():
    template = ServerTemplate()
    template.register_inbound(services.PullService, "Pull", MASTER["pull_address"], route="HttpConnection")
    template.register_outbound(
        connections.HttpConnection, "HttpConnection", "http://localhost:8888", route="Pub", max_workers=1
    )
    template.register_outbound(services.PubService, "Pub", MASTER["pub_address"])
    template.register_bypass(services.CacheService, "Cache", MASTER["db_address"])
    addresses = {key: MASTER[key] for key in ("pull_address", "pub_address", "db_address")}
    template.preset_cache(name="server", **addresses)
    template.start()


class Online(RequestHandler):
    def foo(self, payload):
        return payload + b" processed online"


def web_worker(_pattern, _name):
    DebugServer("localhost", 8888, Online).serve_forever()


def microservice(_pattern, _name):
    inside, template = "inproc://gateway_router", ServerTemplate()
    addresses = {key: MASTER[key] for key in ("worker_pull_address", "worker_push_address", "db_address")}
    # These two parts have to be called so.
    template.register_inbound(gateways.GatewayRouter, "gateway_router", inside, route="WorkerPush")
    template.register_outbound(gateways.GatewayDealer, "gateway_dealer", listen_address=inside)
    template.register_bypass(
        gateways.HttpGateway, name="HttpGateway", listen_address=inside, hostname="localhost", port=8888
    )
    template.register_inbound(
        services.WorkerPullService, "WorkerPull", addresses["worker_pull_address"], route="gateway_dealer"
    )
    template.register_outbound(services.WorkerPushService, "WorkerPush", addresses["worker_push_address"])
    template.register_bypass(services.CacheService, "Cache", addresses["db_address"])
    template.preset_cache(name="server", **addresses)
    template.start()


def hub(_pattern, _name):
    servers.Hub(
        name="hub",
        sub_address=at(5557),
        pub_address=at(5558),
        worker_pull_address=at(5559),
        worker_push_address=at(5560),
        db_address=at(5561),
        previous="server",
        pipelined=False,
    ).start()


class Processing(servers.Worker):
    def foo(self, message):
        return self.name.encode() + b" processed " + message


class Reading(servers.Worker):
    def foo(self, message):
        return b"".join([self.name.encode(), self.get("cached"), message])


class Telling(Reading):
    def foo(self, message):
        self.logger.warning("working")
        return super().foo(message)


class Acknowledging(servers.Worker):
    def function(self, message):
        return b"acknowledged"


class Twofold(servers.MuxWorker):
    def foo(self, message):
        for number in (b"1", b"2"):
            yield b" ".join([self.name.encode(), b"processed", message, number])


def worker(pattern, name):
    kind = {
        "cache": Reading,
        "scatter": Reading,
        "gather": Reading,
        "logging": Telling,
        "mux_parallel": Twofold,
        "gateway": Acknowledging,
    }.get(pattern, Processing)
    kind(name, db_address=at(5561 if pattern == "server_hub" else 5559)).start()


def main():
    pattern, role = sys.argv[1:3]
    name = sys.argv[3] if len(sys.argv) > 3 else None
    if (pattern, role) in DOWNSTREAM:
        DOWNSTREAM[pattern, role]()
    else:
        roles = [client, server, master, hub, worker, web_worker, microservice]
        {play.__name__: play for play in roles}[role](pattern, name)


if __name__ == "__main__":
    main()
