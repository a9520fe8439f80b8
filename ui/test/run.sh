#!/bin/sh
# Runs the console's tests: a real "ringfence dev" with VMs and Debian's
# Chromium, in network, mount and process namespaces of their own, which take
# everything with them when they end and from which no packet gets anywhere.
# Pictures of the pages are left in ui/test-output.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "network namespaces need root" >&2; exit 1; }
RINGFENCE=${RINGFENCE:-$PWD/../bin/ringfence}
export RINGFENCE
# shellcheck disable=SC2016
exec unshare --net --mount --pid --fork --kill-child --mount-proc sh -c '
  mount -t tmpfs tmpfs /run && ip link set lo up && exec node --test --test-reporter=spec "$@" test/console.test.mjs' sh "$@"
