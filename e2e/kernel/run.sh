#!/bin/sh
# Runs something on the kernel datapath, in a virtual machine (QEMU, without KVM) made
# of a Debian kernel and an initramfs with the programs of this machine: the tests of e2e,
# and that the kernel polices NICs, or the benchmark of the data path. Exit status 0: all
# passed.
#
#   e2e/kernel/run.sh tests [-test.run REGEXP and other flags of the test binary]
#   e2e/kernel/run.sh datapath [flags of cmd/bench/datapath] >its JSON lines
#
# It needs the Debian packages of the Makefile's KERNEL_PACKAGES; the kernel
# itself is downloaded by apt-get, not installed, and kept under .cache.
set -eu
case ${1-} in
tests) ;;
datapath) exec 3>&1 >&2 ;; # only its lines go to where they may be kept
*)
	sed -n '2,/^# It needs/p' "$0" >&2
	exit 2
	;;
esac

here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
cache=$top/.cache/kernel
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$cache" "$root"

# The kernel and its modules.
if ! ls "$cache"/boot/vmlinuz-* >/dev/null 2>&1; then
	image=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-/ { print $2; exit }')
	(cd "$work" && apt-get -q download "$image" && dpkg -x "$image"_*.deb "$cache")
fi
kernel=$(ls "$cache"/boot/vmlinuz-* | head -n 1)
version=${kernel##*/vmlinuz-}

# Programs, with the libraries that they need.
install_program() { # PATH [NAME]
	file=$(readlink -f "$1")
	mkdir -p "$root/usr/bin"
	cp "$file" "$root/usr/bin/${2:-$(basename "$1")}"
	ldd "$file" 2>/dev/null | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^\//) print $i }' | while read -r lib; do
		[ -e "$root$lib" ] || { mkdir -p "$root$(dirname "$lib")" && cp -L "$lib" "$root$lib"; }
	done
}
for program in ovsdb-server ovsdb-tool ovs-vswitchd ovs-vsctl ovs-ofctl ovs-appctl ovs-dpctl etcd ip ss ethtool dnsmasq nsenter busybox; do
	install_program "$(command -v $program)" $program
done
export CGO_ENABLED=0
processors=2
case $1 in
tests) (cd "$top" && go build -o "$root/usr/bin/ringfence" ./cmd/ringfence && go test -c -o "$root/usr/bin/policing.test" ./controller/policing && go test -c -o "$root/usr/bin/e2e.test" ./e2e) ;;
datapath)
	processors=1 # a switch is asked whether it hears of one
	(cd "$top" && go build -o "$root/usr/bin/datapath" ./cmd/bench/datapath)
	if command -v ovn-controller && command -v ovn-northd && command -v ovn-nbctl; then
		for program in ovn-controller ovn-northd ovn-nbctl; do
			install_program "$(command -v $program)" $program
		done
		mkdir -p "$root/usr/share/ovn"
		cp /usr/share/ovn/ovn-nb.ovsschema /usr/share/ovn/ovn-sb.ovsschema "$root/usr/share/ovn/"
	fi
	;;
esac
for applet in sh mount insmod poweroff cat ls sleep grep dmesg env; do
	ln -s busybox "$root/usr/bin/$applet"
done

# Modules, those that others need first.
mkdir -p "$root/modules"
n=10
for module in crc32c-intel libcrc32c nf_defrag_ipv4 nf_defrag_ipv6 nf_conntrack nfnetlink nf_conntrack_netlink nf_nat nf_conncount nsh openvswitch veth sch_ingress cls_matchall act_police; do
	cp "$(find "$cache/lib/modules/$version" -name "$module.ko*" | head -n 1)" "$root/modules/$n-$module.ko"
	n=$((n + 1))
done

mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/etc" "$root/run" "$root/var/run" "$root/usr/share/openvswitch"
ln -s usr/bin "$root/bin"
ln -s usr/bin "$root/sbin"
cp /usr/share/openvswitch/vswitch.ovsschema "$root/usr/share/openvswitch/"
echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
cp /etc/protocols "$root/etc/" 2>/dev/null || true
cp "$here/init" "$root/init"
printf '%s\n' "$@" >"$root/flags"
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initramfs"

timeout "${KERNEL_TIMEOUT:-3600}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp "$processors" -m 3072 -nographic -no-reboot -nodefaults -serial stdio \
	-kernel "$kernel" -initrd "$work/initramfs" -append "console=ttyS0 quiet panic=-1 no_timer_check mitigations=off" </dev/null | tee "$work/console"
grep -q '^KERNEL-TEST: PASS' "$work/console"
[ "$1" = tests ] || tr -d '\r' <"$work/console" | grep '^{' >&3
