"""The old clients against a registry: what they are told, as one line of JSON."""
import contextlib
import datetime
import io
import json
import sys

from pylm.registry.clients import LogClient, RegistryClient
from pylm.registry.messages.registry_pb2 import LogMessages

url, key, cluster_file, node_file = sys.argv[1:]
told = {}
client = RegistryClient(url, key)
cluster = told["key"] = client.set_cluster(cluster_file)
told["chosen"] = client.set_cluster(cluster_file, key="chosen")
for name, again in [("taken", lambda: client.set_cluster(cluster_file, key="chosen")),
                    ("no key", lambda: RegistryClient(url, "nonsense").cluster_list()),
                    ("no cluster", lambda: client.cluster_status("nothing"))]:
    try:
        again()
        told[name] = "taken"
    except Exception as error:
        told[name] = type(error).__name__
told["empty"] = client.cluster_status(cluster)
told["commands"] = client.request(cluster, open(node_file).read())
told["again"] = client.request(cluster, open(node_file).read())
told["status"] = client.cluster_status(cluster)
told["list"] = client.cluster_list()
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    client.view_cluster_list()
told["printed"] = printed.getvalue()
told["reset"] = client.cluster_reset(cluster)
told["after reset"] = client.cluster_status(cluster)

logs = LogClient(url, cluster)
lines = LogMessages()
lines.messages.extend(["first", "h\u00e9 <b> \x1b[31m", "last"])
before = datetime.datetime.now()
logs.send(lines.SerializeToString())
after = datetime.datetime.now()
told["lines"] = logs.download()
told["between"] = logs.download(before, after)
told["later"] = logs.download(fr=after.isoformat())
# Page by page, as they came.
pages = []
fr = before.isoformat()
while page := logs.download(fr=fr):
    pages.append(page[0]["text"])
    fr = page[0]["when"]
told["pages"] = pages
print(json.dumps(told))
