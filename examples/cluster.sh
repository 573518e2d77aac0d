#!/usr/bin/env bash
# The example `applications` as a cluster on this machine: a registry, two runners, a launcher; then a worker and a runner are killed.
# docs/cluster.md tells what happens. Needs `palm` and `applications` in PATH:
#
#     cargo build -p palm-cli && cargo build --features cli --example applications
#     PATH=$PWD/target/debug:$PWD/target/debug/examples:$PATH examples/cluster.sh
set -euo pipefail
cd "$(dirname "$0")"

DIRECTORY=$(mktemp -d)
# First of the ports on loopback that the components get.
PORTS=${PORTS:-$((20000 + $$ % 1000 * 10))}
RUNNING=()

heading() { printf '\n--- %s\n' "$*"; }

# Ends what this script has started, and nothing else. Components end with their runners.
finish() {
    local process
    for process in "${RUNNING[@]}"; do kill "$process" 2>/dev/null || true; done
    for process in "${RUNNING[@]}"; do wait "$process" 2>/dev/null || true; done
    rm -rf "$DIRECTORY"
}
trap finish EXIT

# Waits until a command succeeds, for a minute at most.
until_it() {
    local end=$((SECONDS + 60))
    until "$@"; do
        ((SECONDS < end)) || { echo "this did not come: $*" >&2; cat "$DIRECTORY"/*.log >&2; exit 1; }
        sleep 0.1
    done
}

# The process of an instance that runs, by the registry's status.
process_of() {
    palm cluster status applications |
        awk -v name="$1" 'index($0, name " ") == 1 && / RUNNING / {
            for (i = 1; i <= NF; i++) if ($i == "RUNNING") break
            for (i++; i <= NF; i++) if ($i ~ /^[0-9]+$/) { print $i; exit }
        }'
}

runs() { [ -n "$(process_of "$1")" ]; }
runs_anew() { local now; now=$(process_of "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }
all_run() { runs Server && runs 'Worker 1' && runs 'Worker 2'; }
node_of() { palm cluster status applications | awk -v name="$1" '$1 == name { print $NF }'; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }
listens() { grep -qs '^the registry listens on ' "$DIRECTORY/registry.log"; }
counts() { palm cluster status applications --json | grep -q '"received": [1-9]'; }
tells_of() { [ -n "$(palm cluster logs applications --instance "$1" --tail 1)" ]; }

heading 'The registry, with a user'
palm registry --listen 127.0.0.1:0 --database "$DIRECTORY/palm.db" 2>"$DIRECTORY/registry.log" &
RUNNING+=($!)
until_it listens
PALM_REGISTRY=$(sed -n 's/^the registry listens on //p' "$DIRECTORY/registry.log")
PALM_API_KEY=$(echo 'correct horse battery staple' |
    palm registry user add ann --admin --password-stdin --database "$DIRECTORY/palm.db")
export PALM_REGISTRY PALM_API_KEY

heading 'The cluster, and two nodes'
palm cluster new applications.conf --key applications
run_node() {
    sed "s/^Ports_from = .*/Ports_from = $2/" "$1.conf" >"$DIRECTORY/$1.conf"
    palm runner --registry "$PALM_REGISTRY" --cluster applications --config "$DIRECTORY/$1.conf" \
        --state "$DIRECTORY/state" 2>>"$DIRECTORY/$1.log" &
    RUNNING+=($!)
}
run_node node1 "$PORTS"
until_it runs Server
run_node node2 $((PORTS + 5))
NODE2=$!
until_it all_run
palm cluster status applications

heading 'Ten messages'
DB=$(palm cluster status applications | sed -n 's/^  _5 = //p')
applications launcher --server server --function foo --db "$DB"

heading 'What the server counts is told with its heartbeats'
until_it counts

heading 'A worker is killed, and restarted'
WORKER=$(process_of 'Worker 1')
kill -KILL "$WORKER"
until_it runs_anew 'Worker 1' "$WORKER"
palm cluster status applications | grep '^Worker 1'
applications launcher --server server --function foo --db "$DB"

heading 'A runner is killed: the components of its node are gone'
FIRST=$(process_of 'Worker 1')
SECOND=$(process_of 'Worker 2')
IDENTITY=$(node_of node2)
# What it has not sent yet dies with it.
until_it tells_of 'Worker 1'
until_it tells_of 'Worker 2'
{ kill -KILL "$NODE2" && wait "$NODE2"; } 2>/dev/null || true
until_it is_gone "$FIRST"
until_it is_gone "$SECOND"
echo "processes $FIRST and $SECOND are gone"

heading 'It returns, and gets the same again'
run_node node2 $((PORTS + 5))
until_it runs_anew 'Worker 1' "$FIRST"
until_it runs_anew 'Worker 2' "$SECOND"
palm cluster status applications
[ "$(node_of node2)" = "$IDENTITY" ] || { echo 'it came back as another node' >&2; exit 1; }
applications launcher --server server --function foo --db "$DB"

heading 'What those that died have said'
palm cluster logs applications --component Worker

heading 'All good'
