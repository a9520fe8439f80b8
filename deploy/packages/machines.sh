#!/bin/bash
# A newcomer installs Ringfence from its packages by docs/install.md alone: three
# members of etcd, two API servers and two hosts with a VM each, on five machines, until
# the first rule of the README is in force between the hosts. All commands are those
# of the pages. Then it is tried what systemd does with the services: readiness,
# reload, the watchdog.
#
# A machine is a set of namespaces with systemd as its first process; its files are
# this machine's, under an overlay that goes with it, so that Debian's packages (etcd,
# Open vSwitch) need not be fetched. As root; DEBS is where packages are, if they are
# not to be made. What is not the page's is here: the network, copying files from one
# machine to another, and "datapath_type=netdev" where there is no module openvswitch.
set -eu
[ "${1:-}" = inside ] || exec unshare -m -n --propagation private "$0" inside
cd "$(dirname "$0")/../.."
top=$PWD
work=$(mktemp -d)
declare -A first leader # of each machine: its first process, and who waits for it
fail() {
	echo "FAIL: $*" >&2
	exit 1
}
step() { echo "== $(date +%T) $*"; }

end() {
	for m in "${!leader[@]}"; do kill -9 "${leader[$m]}" 2>/dev/null || true; done # the machine goes with it
	{ wait; } 2>/dev/null # which says that they were killed
	for m in "${!leader[@]}"; do
		for _ in $(seq 100); do rmdir -p "$work"/cgroup/ringfence-$$/"$m" 2>/dev/null || find "$work/cgroup/ringfence-$$" -depth -type d -exec rmdir {} + 2>/dev/null && break; sleep 0.1; done
	done
	grep -E " $work(/| )" /proc/self/mounts | cut -d' ' -f2 | sort -r | while read -r m; do umount -l "$m"; done
	rm -rf "$work"
}
trap end EXIT

# page FILE TEXT prints the block of commands of a page that has the text.
page() {
	awk -v want="$2" '/^ *```/ { if (on && index(block, want)) { printf "%s", block; found = 1; exit } on = !on && /^ *```sh/; block = ""; next } on { block = block $0 "\n" } END { exit !found }' "$1" ||
		fail "$1 shows no $2"
}

# machine NAME ADDRESS... starts one.
machine() {
	local name=$1 root=$work/$1/root
	shift
	mkdir -p "$work/$name" "$work/cgroup/ringfence-$$/$name"
	mount -t tmpfs -o mode=755 none "$work/$name"
	mkdir "$work/$name"/{root,upper,work}
	mount -t overlay overlay -o "lowerdir=/,upperdir=$work/$name/upper,workdir=$work/$name/work" "$root"
	# Nothing of what this machine itself is set up for.
	rm -rf "$root"/etc/{ringfence,etcd,openvswitch,machine-id} "$root"/etc/systemd/system "$root"/var/lib/{etcd,openvswitch,ringfence} "$root"/etc/default/{etcd,ringfence*} "$root"/var/log/journal
	mkdir -p "$root"/etc/systemd/system "$root"/etc/openvswitch "$root"/var/lib/openvswitch "$root"/packages
	install -d -o etcd -g etcd "$root"/var/lib/etcd
	: >"$root/etc/machine-id"
	echo "$name" >"$root/etc/hostname"
	# What is one for all machines is not theirs to set.
	for unit in systemd-sysctl systemd-modules-load systemd-remount-fs systemd-random-seed systemd-udevd systemd-timesyncd; do ln -s /dev/null "$root/etc/systemd/system/$unit.service"; done
	printf '#!/bin/sh\nexit 0\n' >"$root/usr/local/bin/editor" # what the files say already is what the page's machines need
	chmod +x "$root/usr/local/bin/editor"
	cp "$debs"/ringfence*.deb "$root/packages/"
	# A newcomer says yes; what is only recommended would have to be fetched.
	printf 'APT::Get::Assume-Yes "true";\nAPT::Install-Recommends "false";\n' >"$root/etc/apt/apt.conf.d/99machines"
	cat >"$work/$name/init" <<-END
		set -eu
		cd "$root"
		hostname $name
		mount -t proc proc proc
		mount -t sysfs sysfs sys
		mount -t cgroup2 cgroup2 sys/fs/cgroup 2>/dev/null || { mount -t tmpfs none sys/fs; mkdir sys/fs/cgroup; mount -t cgroup2 cgroup2 sys/fs/cgroup; }
		mount -t tmpfs -o mode=755 none run
		mount -t tmpfs -o mode=1777 none tmp
		mount -t tmpfs -o mode=755 none dev
		mkdir dev/pts dev/shm dev/net
		mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
		mount -t tmpfs none dev/shm
		for d in null zero full random urandom tty net/tun; do [ ! -e /dev/\$d ] || { : >dev/\$d; mount --bind /dev/\$d dev/\$d; }; done
		ln -s pts/ptmx dev/ptmx
		ln -s /proc/self/fd dev/fd
		: >dev/console
		mkdir .before
		pivot_root . .before
		umount -l /.before
		export container=namespaces
		exec /lib/systemd/systemd --system systemd.unit=multi-user.target
	END
	(
		echo "$BASHPID" >"$work/cgroup/ringfence-$$/$name/cgroup.procs"
		exec unshare -m -p -n -u -i -C --fork --kill-child --propagation private sh "$work/$name/init"
	) >"$work/$name.log" 2>&1 &
	leader[$name]=$!
	for _ in $(seq 600); do
		first[$name]=$(cat "/proc/${leader[$name]}/task/${leader[$name]}/children" 2>/dev/null | tr -d ' ')
		[ -n "${first[$name]}" ] && [ "$(cat "/proc/${first[$name]}/comm")" = systemd ] && break
		sleep 0.1
	done
	ip link add "$name" master lan type veth peer name eth0 netns "${first[$name]}"
	ip link set "$name" up
	at "$name" ip link set lo up
	at "$name" ip link set eth0 up
	for address; do at "$name" ip address add "$address/24" dev eth0; done
	await "$name" "systemctl list-units >/dev/null && systemctl is-active basic.target"
}

# at MACHINE COMMAND... runs there.
at() {
	local name=$1
	shift
	nsenter -t "${first[$name]}" -m -u -i -n -p -C env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@" </dev/null
}

# typed MACHINE COMMANDS has them typed there, in the folder with the packages.
typed() {
	at "$1" bash -euc "cd /packages; $2" >"$work/typed.$1" 2>&1 || {
		cat "$work/typed.$1"
		at "$1" journalctl --no-pager -n 40 || true
		fail "at $1: $2"
	}
}

# await MACHINE COMMAND waits until it succeeds there.
await() {
	for _ in $(seq 600); do
		if at "$1" sh -c "$2" >"$work/awaited" 2>&1; then return; fi
		sleep 0.2
	done
	cat "$work/awaited"
	at "$1" journalctl --no-pager -n 40 || true
	fail "at $1, waited in vain for: $2"
}

# give FILE MACHINE PATH brings a file to a machine.
give() { at "$2" sh -c "mkdir -p '$(dirname "$3")' && umask 077 && cat >'$3'" </dev/null && nsenter -t "${first[$2]}" -m sh -c "cat >'$3'" <"$1"; }

debs=${DEBS:-$work/packages}
[ -n "${DEBS:-}" ] || {
	step "make packages"
	DIST=$debs deploy/packages/build.sh >/dev/null
}
mkdir "$work/cgroup" "$work/admin"
mount -t cgroup2 cgroup2 "$work/cgroup"
dpkg-deb -x "$debs"/ringfence_*.deb "$work/admin"
PATH=$work/admin/usr/bin:$PATH
ip link set lo up
for net in lan tenants; do
	ip link add $net type bridge
	ip link set $net up
done
ip address add 10.0.0.100/24 dev lan

step "five machines"
for n in 1 2 3; do
	case $n in 3) machine etcd3 10.0.0.3 ;; *) machine etcd$n 10.0.0.$n 10.0.0.1$n ;; esac # api1 and api2 as well
done
for n in 1 2; do
	machine h$n 10.0.0.2$n
	ip link add uplink$n master tenants type veth peer name uplink0 netns "${first[h$n]}"
	ip link set uplink$n up
	at h$n ip link set uplink0 up
done

page=$PWD/docs/install.md
step "certificates"
(cd "$work" && bash -euc "$(page $page 'mkdir ca && cd ca')") >"$work/log" 2>&1 || {
	cat "$work/log"
	fail certificates
}
ca=$work/ca

step "etcd"
for n in 1 2 3; do
	for f in ca.pem etcd$n.pem etcd$n.key; do give "$ca/$f" etcd$n /etc/etcd/$f; done
	at etcd$n chmod 0644 /etc/etcd/ca.pem /etc/etcd/etcd$n.pem
	own=$(page $page /etc/default/etcd | sed -E "/^ETCD_INITIAL_CLUSTER=/! { s/etcd1/etcd$n/g; s/10\.0\.0\.1:/10.0.0.$n:/g }")
	typed etcd$n "$own" &
	typing[n]=$!
done
for n in 1 2 3; do wait "${typing[n]}" || fail "etcd$n"; done
(cd "$ca" && bash -euc "$(page $page 'ringfence etcd init')") >"$work/log" 2>&1 || {
	cat "$work/log"
	fail "ringfence etcd init"
}

step "the API servers"
for n in 1 2; do
	m=etcd$n
	typed $m "$(page $page 'ringfence-api_*.deb')"
	give "$ca/ca.pem" $m /etc/ringfence/etcd-ca.pem
	for f in pem key; do
		give "$ca/ringfence-api.$f" $m /etc/ringfence/etcd-client.$f
		give "$ca/api$n.$f" $m /etc/ringfence/tls.$f
	done
	commands=$(page $page 'ringfence token create')
	[ $n = 1 ] || {
		give "$work/tokens.json" $m /etc/ringfence/tokens.json
		commands=$(echo "$commands" | sed '/token create/d')
	}
	typed $m "$commands"
	grep -q "serving https" "$work/typed.$m" || fail "systemctl status does not say that it serves: $(cat "$work/typed.$m")"
	[ $n = 2 ] || {
		at $m cat /etc/ringfence/tokens.json >"$work/tokens.json"
		at $m cat /root/admin.token >"$ca/admin.token"
	}
done
admin() { (cd "$ca" && bash -euc "$(page $page 'export RINGFENCE_SERVER' | grep '^export'); export RINGFENCE_ACCOUNT=acme; $1"); }
(cd "$ca" && bash -euc "$(page $page 'export RINGFENCE_SERVER')") || fail "ringfence status"
admin "RINGFENCE_SERVER=https://10.0.0.12:8443 ringfence status" || fail "ringfence status of api2"

step "the hosts"
modprobe -n openvswitch 2>/dev/null && datapath= || datapath=" datapath_type=netdev"
for n in 1 2; do
	m=h$n
	give "$ca/ca.pem" $m /etc/ringfence/etcd-ca.pem
	for f in pem key; do give "$ca/h$n.$f" $m /etc/ringfence/etcd-client.$f; done
	# What installing openvswitch-switch does, of which the files are here.
	[ -z "$datapath" ] || at $m sh -c 'mkdir -p /etc/default && echo OVS_CTL_OPTS="--no-mlockall" >/etc/default/openvswitch-switch; printf "#!/bin/sh\nexit 0\n" >/usr/share/openvswitch/scripts/ovs-kmod-ctl'
	typed $m "systemctl enable --now openvswitch-switch"
	typed $m "$(page $page 'ringfence-controller_*.deb' | sed "s/fail_mode=secure/&$datapath/")"
	await $m "systemctl show --value -p StatusText ringfence-controller | grep -E 'in force|no revision'"
done

# settled waits until nothing is behind or away.
settled() {
	for _ in $(seq 300); do
		if admin "ringfence status" >"$work/log" 2>&1; then return; fi
		sleep 0.2
	done
	cat "$work/log"
	fail "ringfence status"
}

step "the README's first rule, between VMs at two hosts"
readme() { sed -n 's/^# \(ringfence \(network put\|group create\|nic put\|attach\|rule add\) .*\)/\1/p' "$top/README.md" | grep -E -- "$1" || fail "the README shows no $1"; }
admin "$(readme '^ringfence (network|group|nic|attach) ' | grep -v -- '--port 70000')" >"$work/log" 2>&1 || {
	cat "$work/log"
	fail "the README's commands"
}
plug=$(page "$top/README.md" 'plug() {' | sed 's/ --db=[^ ]*//')
typed h1 "$(echo "$plug" | grep -v '^plug db-1')"
typed h2 "$(echo "$plug" | grep -v '^plug web-1')"
admin "ringfence nic list"
listen="nohup ip netns exec db-1 busybox nc -ll -p 5432 -e echo hello >/dev/null 2>&1 &"
at h2 sh -c "$listen"
ask="ip netns exec web-1 busybox nc -w 1 10.0.0.12 5432 </dev/null"
await h2 "ip netns exec db-1 ss -ltn | grep :5432" # its own loopback is down
! at h1 sh -c "$ask | grep hello" || fail "it passes before there is a rule"
admin "$(readme '--from-group web --wait')" || fail "the rule"
await h1 "$ask | grep hello"
settled
cat "$work/log"

step "backup and defragmentation, by the units of docs/restore.md"
for f in root.pem root.key; do give "$ca/$f" etcd1 /etc/etcd/$f; done
typed etcd1 "$(page "$top/docs/restore.md" /etc/default/ringfence-etcd)"
at etcd1 sh -c 'ls /var/lib/ringfence-etcd | grep Z.db' || fail "no snapshot was made"
typed etcd1 "systemctl start ringfence-etcd-defrag.service"
settled

step "systemd: reload, and a watchdog that ends what is stuck, under traffic"
show() { at "$1" systemctl show --value -p "$3" "$2"; }
[ "$(show h1 ringfence-controller Type) $(show etcd1 ringfence-api Type)" = "notify notify" ] || fail "units are not Type=notify"
[ "$(show h1 ringfence-controller StartLimitIntervalUSec) $(show etcd1 ringfence-api StartLimitIntervalUSec)" = "0 0" ] || fail "units give up starting"
show h1 ringfence-controller StatusText | grep -q "in force, 1 NIC, store well" || fail "the controller says: $(show h1 ringfence-controller StatusText)"
for s in "etcd1 ringfence-api api" "h1 ringfence-controller controller"; do
	set -- $s
	at "$1" sh -c "echo 'log-level: debug' >>/etc/ringfence/$3.yaml; systemctl reload $2"
	await "$1" "journalctl -u $2 | grep 'settings reloaded' | grep log-level"
	[ "$(show "$1" "$2" NRestarts)" = 0 ] || fail "$2 was restarted"
	# As in the unit, but sooner.
	at "$1" sh -c "mkdir -p /run/systemd/system/$2.service.d; printf '[Service]\nWatchdogSec=6\n' >/run/systemd/system/$2.service.d/sooner.conf; systemctl daemon-reload; systemctl restart $2"
	was=$(show "$1" "$2" MainPID)
	at "$1" kill -STOP "$was"
	await "$1" "journalctl -u $2 | grep 'Watchdog timeout'"
	await h1 "$ask | grep hello"
	await "$1" "systemctl is-active $2 && [ \$(systemctl show --value -p MainPID $2) != $was ] && [ \$(systemctl show --value -p NRestarts $2) -ge 1 ]"
done
settled
for s in "etcd1 ringfence-api" "h1 ringfence-controller"; do
	set -- $s
	at "$1" systemd-analyze security --no-pager --threshold=20 "$2" >"$work/log" || fail "$2 is too open: $(tail -1 "$work/log")"
	tail -1 "$work/log"
done

step "a host without its controller goes on as it was"
flows() { at h2 ovs-ofctl dump-flows br-int | grep -c table=; }
before=$(flows)
at h2 systemctl stop ringfence-controller
[ "$(show h2 ringfence-controller Result) $(show h2 ringfence-controller ActiveState)" = "success inactive" ] || fail "the controller did not end well"
[ "$(flows)" = "$before" ] && [ "$before" -gt 100 ] || fail "$before flows before the stop, $(flows) after it"
await h1 "$ask | grep hello"
at h2 sh -c "nohup ip netns exec db-1 busybox nc -ll -p 5433 -e echo hello >/dev/null 2>&1 &"
await h2 "ip netns exec db-1 ss -ltn | grep :5433"
! at h1 sh -c "ip netns exec web-1 busybox nc -w 1 10.0.0.12 5433 </dev/null | grep hello" || fail "what was denied passes without the controller"
at h2 systemctl start ringfence-controller
settled
[ "$(flows)" = "$before" ] || fail "$before flows before the stop, $(flows) after the start"
echo ok
