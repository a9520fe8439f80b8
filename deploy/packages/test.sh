#!/bin/sh
# What must hold of the packages, as root: two builds are the same bytes; they are
# installed, upgraded, removed and purged in a chroot of Debian, and what an
# operator has put there stays. MIRROR is where Debian comes from, if not from
# where debootstrap has it by itself; BASE a file, .tar, that keeps the chroot for
# the next time.
set -eu
cd "$(dirname "$0")/../.."
top=$PWD
work=$(mktemp -d)
root=$work/root
trap 'unmount; rm -rf "$work"' EXIT
unmount() { ! mountpoint -q "$root/proc" || umount "$root/proc"; }
fail() { echo "FAIL: $*" >&2; exit 1; }
step() { echo "== $*"; }

step "two builds are the same"
DIST=$work/new deploy/packages/build.sh >/dev/null
DIST=$work/again deploy/packages/build.sh >/dev/null
diff "$work/new/SHA256SUMS" "$work/again/SHA256SUMS" || fail "the second build differs"
[ "$(wc -l <"$work/new/SHA256SUMS")" = 10 ] || fail "want 8 packages, an image and a bill of materials: $(cat "$work/new/SHA256SUMS")"
VERSION=0.0.0~before DIST=$work/old deploy/packages/build.sh >/dev/null

step "signatures: what install.md checks is good, and nothing that was changed is"
page() { awk -v want="$1" '/^```/ { if (on && index(block, want)) { printf "%s", block; found = 1; exit } on = !on; block = ""; next } on { block = block $0 "\n" } END { exit !found }' "$top/docs/install.md" || fail "docs/install.md shows no $1"; }
key() { # key NAME PASSPHRASE: a key for a day, in NAME.key
	gpg --homedir "$work/gnupg" --quiet --batch --pinentry-mode loopback --passphrase "$2" --quick-generate-key "$1 <$1@example.org>" rsa3072 sign 1d 2>"$work/log" &&
		gpg --homedir "$work/gnupg" --batch --pinentry-mode loopback --passphrase "$2" --armor --export-secret-keys "$1@example.org" >"$work/$1.key" || { cat "$work/log"; fail "no key is made"; }
}
mkdir -m 0700 "$work/gnupg"
key builder secret
key stranger ""
gpgconf --homedir "$work/gnupg" --kill all
verify() (cd "$work/signed" && page 'gpgv --keyring' | sh -e) >"$work/log" 2>&1
verifyRPM() (cd "$work/signed" && page 'rpmkeys --checksig' | sed "s|^rpmkeys|& --dbpath $work/rpmdb|" | sh -e) >"$work/log" 2>&1
mkdir "$work/rpmdb"
SIGN_KEY=$work/builder.key NFPM_PASSPHRASE=wrong DIST=$work/signed deploy/packages/build.sh >/dev/null 2>&1 && fail "a key that stays shut signs"
SIGN_KEY=$work/builder.key NFPM_PASSPHRASE=secret DIST=$work/signed deploy/packages/build.sh >"$work/log" 2>&1 || { cat "$work/log"; fail "a signed build"; }
verify || { cat "$work/log"; fail "what is signed is not taken"; }
verifyRPM || { cat "$work/log"; fail "a signed rpm is not taken"; }
for deb in "$work"/new/*.deb; do
	cmp "$deb" "$work/signed/$(basename "$deb")" || fail "signing changes $deb"
done
cp -r "$work/signed" "$work/kept"
again() { rm -rf "$work/signed" && cp -r "$work/kept" "$work/signed"; }
echo >>"$(ls "$work"/signed/ringfence-api_*.deb)"
verify && fail "a changed package is taken"
again
sed -i '1s/^./x/' "$work/signed/SHA256SUMS"
verify && fail "changed sums are taken"
again
rm "$work/signed/SHA256SUMS.asc"
verify && fail "sums that nobody signed are taken"
again
gpg --homedir "$work/gnupg" --quiet --batch --yes --armor --local-user stranger@example.org --output "$work/signed/SHA256SUMS.asc" --detach-sign "$work/signed/SHA256SUMS"
gpgconf --homedir "$work/gnupg" --kill all
verify && fail "sums that a stranger signed are taken"
again
cp "$work"/new/ringfence-relay-[0-9]*.rpm "$work/signed/"
verifyRPM && fail "an rpm that nobody signed is taken"

step "deb and rpm hold the same files"
for package in ringfence ringfence-api ringfence-controller ringfence-relay; do
	deb=$(echo "$work"/new/"${package}"_*.deb) rpm=$(echo "$work"/new/"$package"-[0-9]*.rpm)
	dpkg-deb --fsys-tarfile "$deb" | tar -t | grep -v '/$' | sed 's|^\.\?/\?|/|' | sort >"$work/deb.files"
	rpm -qlp "$rpm" | grep -vx /etc/ringfence | sort >"$work/rpm.files"
	diff "$work/deb.files" "$work/rpm.files" || fail "$package: deb and rpm differ"
done
rpm -qp --configfiles "$work"/new/ringfence-api-[0-9]*.rpm | grep -qx /etc/ringfence/api.yaml || fail "rpm: api.yaml is not configuration"
rpm -qp --scripts "$work"/new/ringfence-api-[0-9]*.rpm | grep -q 'systemd-sysusers ringfence-api.conf' || fail "rpm: no user is made"

step "rpm asks for what the scripts and units call, and is refused where that is missing"
mkdir "$work/empty"
for package in ringfence-api ringfence-controller; do
	said=$(rpm --root "$work/empty" -i --test "$work"/new/$package-[0-9]*.rpm 2>&1) && fail "$package needs nothing"
	for needs in 'ringfence = ' 'systemd ' 'util-linux '; do # the program; systemctl, systemd-sysusers, systemd-tmpfiles; kill
		echo "$said" | grep -q "$needs.*is needed by $package" || fail "$package does not ask for $needs: $said"
	done
done

step "a chroot of Debian"
if [ -n "${BASE:-}" ] && [ -f "$BASE" ]; then
	mkdir "$root" && tar -C "$root" -xf "$BASE"
else
	debootstrap --variant=minbase --include=systemd,procps bookworm "$root" ${MIRROR:+"$MIRROR"} >"$work/debootstrap.log" || { cat "$work/debootstrap.log"; fail debootstrap; }
	unmount # what debootstrap leaves
	[ -z "${BASE:-}" ] || tar -C "$root" -cf "$BASE" --one-file-system .
fi
mount -t proc proc "$root/proc"
inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
debs() { mkdir -p "$root/debs"; rm -f "$root"/debs/*; cp "$work/$1"/*.deb "$root/debs/"; }

step "install"
debs old
inside sh -c 'dpkg -i /debs/*.deb' >"$work/log" 2>&1 || { cat "$work/log"; fail "install"; }
inside ringfence version | grep -qF 'ringfence 0.0.0~before (' || fail "version: $(inside ringfence version)"
inside id ringfence >/dev/null || fail "there is no user ringfence"
[ "$(inside getent passwd ringfence | cut -d: -f7)" = /usr/sbin/nologin ] || fail "ringfence may log in"
inside systemctl is-enabled ringfence-api ringfence-controller ringfence-relay 2>/dev/null | grep -qx enabled && fail "a service is enabled"
inside systemd-analyze verify --man=no /usr/lib/systemd/system/ringfence-api.service /usr/lib/systemd/system/ringfence-controller.service /usr/lib/systemd/system/ringfence-relay.service || fail "verify"
for unit in api controller relay; do
	inside systemd-analyze security --offline=true --threshold=20 ringfence-$unit.service >/dev/null || fail "ringfence-$unit.service is too open"
	# The example is a configuration: nothing is wrong with it but the files that are still to come.
	said=$(inside ringfence config check --for $unit /etc/ringfence/$unit.yaml 2>&1) && fail "$unit.yaml is valid without certificates"
	echo "$said" | grep -v 'no such file or directory$' | grep -vE 'has [0-9]+ faults$' && fail "$unit.yaml: $said"
done
inside bash -c '. /usr/share/bash-completion/completions/ringfence && complete -p ringfence' | grep -q _ringfence || fail "no completion"
for page in "$root"/usr/share/man/man1/ringfence*.1.gz; do
	warnings=$(MANWIDTH=200 man --warnings -l "$page" 2>&1 >"$work/page") || fail "$page: $warnings"
	[ -z "$warnings" ] || fail "$page: $warnings"
	grep -q '^NAME' "$work/page" || fail "$page has no name"
done
[ "$(ls "$root"/usr/share/man/man1/ringfence*.1.gz | wc -l)" -ge 20 ] || fail "manual pages are missing"
bill=$root/usr/share/doc/ringfence/sbom.cdx.json
for part in '"bomFormat": "CycloneDX"' '"name": "go.etcd.io/etcd/client/v3"' '"name": "std"' '"version": "0.0.0~before"'; do
	grep -qF "$part" "$bill" || fail "the bill of materials does not have $part"
done
for unit in backup defrag; do
	inside systemd-analyze verify --man=no /usr/lib/systemd/system/ringfence-etcd-$unit.timer || fail "verify ringfence-etcd-$unit.timer"
done

step "upgrade keeps what an operator made"
echo 'log-level: debug' >>"$root/etc/ringfence/api.yaml"
(umask 077; echo '[]' >"$root/etc/ringfence/tokens.json")
inside systemctl enable ringfence-api >/dev/null 2>&1
debs new
inside sh -c 'dpkg -i --force-confold /debs/*.deb' >"$work/log" 2>&1 || { cat "$work/log"; fail "upgrade"; }
inside ringfence version | grep -qF '0.0.0~before' && fail "it is still the former version"
grep -q '^log-level: debug$' "$root/etc/ringfence/api.yaml" || fail "api.yaml was overwritten"
[ "$(inside stat -c '%a %U %G' /etc/ringfence/tokens.json)" = "640 root ringfence" ] || fail "tokens.json: $(inside stat -c '%a %U %G' /etc/ringfence/tokens.json)"
[ "$(inside systemctl is-enabled ringfence-api)" = enabled ] || fail "the upgrade disabled the service"

step "remove, and purge"
inside dpkg -r ringfence-api ringfence-controller ringfence-relay ringfence >"$work/log" 2>&1 || { cat "$work/log"; fail "remove"; }
[ ! -e "$root/usr/bin/ringfence" ] || fail "the program is still there"
[ ! -L "$root/etc/systemd/system/multi-user.target.wants/ringfence-api.service" ] || fail "the service is still enabled"
[ -e "$root/etc/ringfence/api.yaml" ] || fail "removal took the configuration"
inside dpkg -P ringfence-api ringfence-controller ringfence-relay ringfence >"$work/log" 2>&1 || { cat "$work/log"; fail "purge"; }
[ ! -e "$root/etc/ringfence/api.yaml" ] || fail "api.yaml outlives the purge"
[ -e "$root/etc/ringfence/tokens.json" ] || fail "the purge took the tokens"
left=$(cd "$root" && find etc/systemd usr -name '*ringfence*' ! -path 'usr/share/doc/*')
[ -z "$left" ] || fail "the purge left $left"

step "rpm: install, upgrade and remove, with the packages' scripts"
rpms() { rpm --root "$root" --nodeps "$@" >"$work/log" 2>&1 || { cat "$work/log"; fail "rpm $1"; }; }
rpms -i "$work"/old/*.rpm
inside ringfence version | grep -qF 'ringfence 0.0.0~before (' || fail "rpm: version: $(inside ringfence version)"
inside systemctl enable ringfence-api >/dev/null 2>&1
echo 'log-level: debug' >>"$root/etc/ringfence/api.yaml"
rpms -U "$work"/new/*.rpm
inside ringfence version | grep -qF '0.0.0~before' && fail "rpm: it is still the former version"
grep -q '^log-level: debug$' "$root/etc/ringfence/api.yaml" || fail "rpm: api.yaml was overwritten"
[ "$(inside systemctl is-enabled ringfence-api)" = enabled ] || fail "rpm: the upgrade disabled the service"
[ "$(inside stat -c '%a %U %G' /etc/ringfence/tokens.json)" = "640 root ringfence" ] || fail "rpm: tokens.json: $(inside stat -c '%a %U %G' /etc/ringfence/tokens.json)"
rpms -V ringfence ringfence-controller ringfence-relay
rpms -e ringfence-api ringfence-controller ringfence-relay ringfence
[ ! -L "$root/etc/systemd/system/multi-user.target.wants/ringfence-api.service" ] || fail "rpm: the service is still enabled"
[ -e "$root/etc/ringfence/api.yaml.rpmsave" ] || fail "rpm: removal took a changed configuration"
left=$(cd "$root" && find etc/systemd usr -name '*ringfence*' ! -path 'usr/share/doc/*')
[ -z "$left" ] || fail "rpm: removal left $left"

step "the image: the program runs in it, as nobody"
mkdir -p "$work/image/root"
tar -C "$work/image" -xf "$work"/new/ringfence-image_*.tar
grep -q '"org.opencontainers.image.ref.name"' "$work/image/index.json" || fail "the image has no name"
for blob in "$work"/image/blobs/sha256/*; do
	echo "$(basename "$blob")  $blob" | sha256sum --check --quiet || fail "a blob is not what its name says"
	! gzip -t "$blob" 2>/dev/null || gzip -dc "$blob" | tar -C "$work/image/root" -x
done
chroot --userspec=65532:65532 "$work/image/root" /usr/bin/ringfence version >"$work/log" || { cat "$work/log"; fail "the image's program"; }
[ -s "$work/image/root/etc/ssl/certs/ca-certificates.crt" ] || fail "the image trusts nobody"
echo "ok"
