#!/bin/sh
# Builds the console's pages into console/static/built, where package console
# embeds them, if there is Node and something has changed since the last time.
# Without Node, and with NO_UI=1, the program is built without the console.
set -eu
cd "$(dirname "$0")"
out=../console/static/built
if [ -n "${NO_UI:-}" ]; then
  rm -rf "$out"
  exit 0
fi
if ! command -v node >/dev/null || ! command -v npm >/dev/null || [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 18 ]; then
  [ -e "$out/index.html" ] || echo "no Node 18 or newer with npm here: the program is built without the console" >&2
  exit 0
fi
# What package.json asks for is installed once for each lockfile.
lock=$(sha256sum package.json package-lock.json)
if [ "$(cat node_modules/.lock 2>/dev/null)" != "$lock" ]; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || { echo "npm ci failed; NO_UI=1 builds the program without the console" >&2; exit 1; }
  echo "$lock" >node_modules/.lock
fi
sources=$({
  find . \( -name node_modules -o -path ./src/generated -o -path ./test -o -path ./test-output \) -prune -o -type f -print
  echo ../httpapi/openapi.yaml
} | LC_ALL=C sort | xargs sha256sum | sha256sum)
if [ -e "$out/index.html" ] && [ "$(cat node_modules/.built 2>/dev/null)" = "$sources" ]; then
  exit 0
fi
rm -f node_modules/.built
npm run --silent build
echo "$sources" >node_modules/.built
