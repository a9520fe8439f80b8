#!/bin/sh
# Runs what touches etcd with an etcd of another version: ./test.sh 3.4 3.5 …  The
# etcd of 3.4 is Debian's; a later one is built from the module file beside this
# that is named for it, server, etcdctl and etcdutl. A test finds its etcd by PATH.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for version; do
	mkdir "$dir/$version"
	if [ "$version" != 3.4 ]; then
		for program in etcd:server etcdctl:etcdctl etcdutl:etcdutl; do
			go build -modfile="$here/etcd-$version.mod" -o "$dir/$version/${program%:*}" "go.etcd.io/etcd/${program#*:}/v3"
		done
	fi
	(
		PATH=$dir/$version:$PATH
		is=$(etcd --version | sed -n 's/^etcd Version: //p')
		case $is in "$version".*) echo "-- etcd $is" ;; *) echo "this is etcd $is, not $version" && exit 1 ;; esac
		go test -count=1 -vet=off -timeout 30m -skip '/embedded$' ./store ./relay
		go test -count=1 -vet=off -timeout 30m -run '^Test(InstallPageMakesEtcd|BackupUnitSaves)$' ./cmd/ringfence
		go test -count=1 -vet=off -timeout 30m -run '^TestRestoreDrill$' ./e2e
	)
done
