#!/bin/sh
# rss.sh N BINARY... prints what memory the controller of each ringfence binary
# holds on a bridge of N dummy interfaces, whose NICs the policy has, ten in each
# network; the API is the last binary's. As root; it needs openvswitch-switch,
# etcd-server and curl, and leaves nothing behind.
set -eu
n=$1; shift
if [ "${RSS_INSIDE:-}" != 1 ]; then
  RSS_INSIDE=1 exec unshare --net "$0" "$n" "$@"
fi
ip link set lo up
dir=$(mktemp -d); pids=
stop() { for p in $pids; do kill "$p" 2>/dev/null || :; done; wait; rm -rf "$dir"; }
trap stop EXIT
trap 'exit 1' INT TERM
export OVS_RUNDIR="$dir"
start() { "$@" >>"$dir/log" 2>&1 & pids="$pids $!"; started=$!; }
await() { i=0; until "$@" >/dev/null 2>&1; do i=$((i + 1)); [ $i -lt 300 ] || { tail -20 "$dir/log"; cat "$dir/answer"; curl -s -H "Authorization: Bearer secret" http://127.0.0.1:8080/v1/hosts/bench | head -c 600; echo "no: $*" >&2; exit 1; }; sleep 0.2; done; }
vsctl() { ovs-vsctl -vconsole:off --db="unix:$dir/db.sock" "$@"; }

ovsdb-tool create "$dir/conf.db" /usr/share/openvswitch/vswitch.ovsschema
start ovsdb-server "$dir/conf.db" --remote="punix:$dir/db.sock" --pidfile="$dir/ovsdb-server.pid"
await vsctl --no-wait init
start ovs-vswitchd "unix:$dir/db.sock" --enable-dummy --disable-system --pidfile="$dir/ovs-vswitchd.pid"
vsctl add-br br-int -- set bridge br-int datapath_type=dummy
for first in $(seq 0 100 $((n - 1))); do
  ports=
  for i in $(seq "$first" $((first + 99 < n ? first + 99 : n - 1))); do
    ports="$ports -- add-port br-int p$i -- set interface p$i type=dummy external_ids:iface-id=nic$i"
  done
  # shellcheck disable=SC2086 # they are words
  vsctl ${ports# -- }
done

start etcd --data-dir "$dir/etcd" --unsafe-no-fsync --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380
await etcdctl --endpoints=127.0.0.1:2379 endpoint health
for last; do :; done
printf '[{"token_sha256": "%s", "account": "*", "role": "admin", "name": "bench"}]' "$(printf secret | sha256sum | cut -d' ' -f1)" >"$dir/tokens.json"
chmod 600 "$dir/tokens.json"
start "$last" api --etcd=http://127.0.0.1:2379 --listen=127.0.0.1:8080 --tokens="$dir/tokens.json"
await curl -sf http://127.0.0.1:8080/readyz
put() { printf 'url = "http://127.0.0.1:8080/v1/%s"\nrequest = PUT\nheader = "Authorization: Bearer secret"\nheader = "Content-Type: application/json"\ndata = "%s"\noutput = "%s/answer"\nfail\nnext\n' "$1" "$2" "$dir"; }
for i in $(seq 0 10 $((n - 1))); do
  put "networks/net$i" "{\\\"type\\\": \\\"vpc\\\", \\\"vpc\\\": \\\"v$i\\\", \\\"vlan\\\": $((i / 10 + 1)), \\\"prefixes\\\": [\\\"10.0.0.0/24\\\"]}"
done >"$dir/curl"
for i in $(seq 0 $((n - 1))); do
  put "nics/nic$i" "{\\\"account\\\": \\\"acme\\\", \\\"network\\\": \\\"net$((i / 10 * 10))\\\", \\\"mac\\\": \\\"$(printf 02:00:00:00:%02x:%02x $((i / 256)) $((i % 256)))\\\", \\\"addresses\\\": [\\\"10.0.0.$((i % 10 + 1))\\\"]}"
done >>"$dir/curl"
sed -i "\$d" "$dir/curl" # the last "next"
curl -sS -K "$dir/curl"

ready() { [ "$(curl -sf -H 'Authorization: Bearer secret' http://127.0.0.1:8080/v1/hosts/bench | grep -o '"ready": *true' | wc -l)" -eq "$n" ]; }
for binary; do
  etcdctl --endpoints=127.0.0.1:2379 del --prefix /ringfence/v1/hosts/ >/dev/null
  start "$binary" controller --etcd=http://127.0.0.1:2379 --host=bench --ovsdb="unix:$dir/db.sock" --ovs-rundir="$dir"
  await ready
  sleep 10
  printf '%s %d interfaces: %s\n' "$binary" "$n" "$(grep -E 'VmRSS|VmHWM' "/proc/$started/status" | tr -s '\t\n ' ' ')"
  kill "$started"; wait "$started" || :
done
