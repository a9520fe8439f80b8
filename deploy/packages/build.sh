#!/bin/sh
# Makes deb and rpm packages, a container image (an OCI archive) and a bill of
# materials (CycloneDX) in dist/, of this commit. Two runs on one commit make the
# same bytes: the time in them is the commit's; in the image are the certificates of
# this machine's authorities. NFPM is the packager, SBOM makes the bill, ARCH is the
# architecture (amd64, arm64), DIST where all is put, VERSION what to call it
# instead of what git says.
#
# SIGN_KEY is a file with a secret key of OpenPGP, armored, NFPM_PASSPHRASE what opens
# it: then the rpms carry a signature, as dnf and rpm want it, and SHA256SUMS has one
# beside it that is good for all the rest, debs among it: nothing of Debian looks at
# a signature in a deb. What is signed twice differs in the signatures.
set -eu
cd "$(dirname "$0")/../.."
ARCH=${ARCH:-$(go env GOARCH)}
DIST=${DIST:-dist}
# They have a module file of their own: in tools.mod they would lift what
# golangci-lint is made of (viper 1.12 to 1.21), which would then be another linter
# than its release.
NFPM=${NFPM:-go tool -modfile=nfpm.mod nfpm}
SBOM=${SBOM:-go tool -modfile=nfpm.mod cyclonedx-gomod}
export ARCH

# What git calls the commit, as packages have versions: v1.2.3 is 1.2.3, twelve
# commits later 1.2.3+12.gabc1234; without a tag, 0.0.0+<commits>.g<commit>. A
# changed tree is later than its commit.
describe=$(git describe --tags --long --match 'v[0-9]*' 2>/dev/null || echo "v0.0.0-$(git rev-list --count HEAD)-g$(git rev-parse --short HEAD)")
dirty=$([ -z "$(git status --porcelain --untracked-files=no)" ] || echo .dirty)
PACKAGE_VERSION=$(echo "$describe" | sed -E 's/^v//; s/-0-g[0-9a-f]+$//; s/-([0-9]+)-(g[0-9a-f]+)$/+\1.\2/')
case $PACKAGE_VERSION$dirty in
*+*) PACKAGE_VERSION=$PACKAGE_VERSION$dirty ;;
*.dirty) PACKAGE_VERSION=$PACKAGE_VERSION+dirty ;;
esac
PACKAGE_VERSION=${VERSION:-$PACKAGE_VERSION}
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
STAGE=$(mktemp -d)
trap 'rm -rf "$STAGE"' EXIT
export PACKAGE_VERSION SOURCE_DATE_EPOCH STAGE

# A key that does not sign is found before anything is made.
sign() { printf '%s' "${NFPM_PASSPHRASE:-}" | gpg --batch --quiet --pinentry-mode loopback --passphrase-fd 0 --yes --armor --local-user "$fingerprint" --output "$1.asc" --detach-sign "$1"; }
if [ -n "${SIGN_KEY:-}" ]; then
	GNUPGHOME=$(mktemp -d) # nobody else's; what is staged is everybody's to read
	export GNUPGHOME
	trap 'gpgconf --kill all; rm -rf "$STAGE" "$GNUPGHOME"' EXIT
	gpg --batch --quiet --import "$SIGN_KEY"
	fingerprint=$(gpg --batch --with-colons --list-secret-keys | awk -F: '$1 == "fpr" { print $10; exit }')
	[ -n "$fingerprint" ] || { echo "SIGN_KEY: $SIGN_KEY has no secret key" >&2; exit 1; }
	: >"$STAGE/trial"
	sign "$STAGE/trial" || { echo "SIGN_KEY: $SIGN_KEY does not sign: is NFPM_PASSPHRASE right?" >&2; exit 1; }
	signed="rpm: {signature: {key_file: '$(realpath "$SIGN_KEY")'}, "
fi

build() { CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$PACKAGE_VERSION" -o "$1" ./cmd/ringfence; }
GOOS=linux GOARCH=$ARCH build "$STAGE/ringfence"
here=$STAGE/ringfence
if [ "$ARCH" != "$(go env GOHOSTARCH)" ]; then
	here=$STAGE/here
	GOARCH=$(go env GOHOSTARCH) build "$here"
fi
"$here" man "$STAGE/man" >/dev/null
gzip -9n "$STAGE"/man/*.1
for shell in bash zsh fish; do "$here" completion $shell >"$STAGE/$shell"; done
# What the program is made of: every module with its version, as CycloneDX.
$SBOM bin -json -noserial -notimestamp -std -version "$PACKAGE_VERSION" -output "$STAGE/sbom.cdx.json" "$STAGE/ringfence" 2>"$STAGE/sbom.log" || { cat "$STAGE/sbom.log" >&2; exit 1; }
for s in api controller relay; do
	for script in postinstall preremove postremove; do
		sed "s/@SERVICE@/ringfence-$s/g" deploy/packages/$script.sh >"$STAGE/ringfence-$s.$script"
	done
done
chmod -R u=rwX,go=rX "$STAGE"

mkdir -p "$DIST"
for package in ringfence ringfence-api ringfence-controller ringfence-relay; do
	# nfpm puts variables into some fields only.
	sed "s|\${STAGE}|$STAGE|g; s|^rpm: {|${signed:-&}|" deploy/packages/$package.yaml >"$STAGE/$package.yaml"
	for format in deb rpm; do
		$NFPM package --config "$STAGE/$package.yaml" --packager $format --target "$DIST/" >/dev/null
	done
done
cp "$STAGE/sbom.cdx.json" "$DIST/ringfence_${PACKAGE_VERSION}_$ARCH.cdx.json"
# A tag has no + and ~.
go run -C deploy/packages/image . -program "$STAGE/ringfence" -arch "$ARCH" -version "$(echo "$PACKAGE_VERSION" | tr '+~' '--')" \
	-time "$SOURCE_DATE_EPOCH" -out "$(cd "$DIST" && pwd)/ringfence-image_${PACKAGE_VERSION}_$ARCH.tar"
cd "$DIST"
rm -f SHA256SUMS.asc
sha256sum -- *[_-]"$PACKAGE_VERSION"[_-]*.deb *[_-]"$PACKAGE_VERSION"[_-]*.rpm *_"$PACKAGE_VERSION"_*.cdx.json *_"$PACKAGE_VERSION"_*.tar | tee SHA256SUMS
if [ -n "${SIGN_KEY:-}" ]; then
	sign SHA256SUMS
	gpg --batch --yes --output ringfence-key.gpg --export "$fingerprint"         # for gpgv
	gpg --batch --yes --armor --output ringfence-key.asc --export "$fingerprint" # for rpm
	echo "signed by $fingerprint"
fi
