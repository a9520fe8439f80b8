#!/bin/sh
# Makes deb and rpm packages, a container image (an OCI archive) and a bill of
# materials (CycloneDX) in dist/, of this commit. Two runs on one commit make the
# same bytes: the time in them is the commit's; in the image are the certificates of
# this machine's authorities. NFPM is the packager, SBOM makes the bill, ARCH is the
# architecture (amd64, arm64), DIST where all is put, VERSION what to call it
# instead of what git says.
set -eu
cd "$(dirname "$0")/../.."
ARCH=${ARCH:-$(go env GOARCH)}
DIST=${DIST:-dist}
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
	sed "s|\${STAGE}|$STAGE|g" deploy/packages/$package.yaml >"$STAGE/$package.yaml"
	for format in deb rpm; do
		$NFPM package --config "$STAGE/$package.yaml" --packager $format --target "$DIST/" >/dev/null
	done
done
cp "$STAGE/sbom.cdx.json" "$DIST/ringfence_${PACKAGE_VERSION}_$ARCH.cdx.json"
# A tag has no + and ~.
go run -C deploy/packages/image . -program "$STAGE/ringfence" -arch "$ARCH" -version "$(echo "$PACKAGE_VERSION" | tr '+~' '--')" \
	-time "$SOURCE_DATE_EPOCH" -out "$(cd "$DIST" && pwd)/ringfence-image_${PACKAGE_VERSION}_$ARCH.tar"
cd "$DIST"
sha256sum -- *[_-]"$PACKAGE_VERSION"[_-]*.deb *[_-]"$PACKAGE_VERSION"[_-]*.rpm *_"$PACKAGE_VERSION"_*.cdx.json *_"$PACKAGE_VERSION"_*.tar | tee SHA256SUMS
