# Ringfence. "make help" lists what can be done.

# Debian packages that building, running and testing need. Of "a|b" either
# will do, and a is installed if both are missing.
PACKAGES := ca-certificates curl gcc git libc6-dev make \
            openvswitch-common openvswitch-switch \
            "busybox-static|busybox" dnsmasq-base etcd-client etcd-server ethtool iproute2 iputils-ping netcat-openbsd procps socat systemd tcpdump

# And those of test-kernel and bench-kernel, besides.
KERNEL_PACKAGES := qemu-system-x86 cpio util-linux

GO       ?= go
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
SUDO     := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
SIZE     ?= M
FUZZTIME ?= 10s
TIMEOUT  ?= 30m
DEVFLAGS ?=
# What is built for a test is what is built to be run, wherever the checkout is.
export GOFLAGS ?= -trimpath

.DEFAULT_GOAL := help
.PHONY: help setup setup-ui setup-kernel build run demo test test-ui test-busy test-faults test-kernel vet lint lint-dead lint-api proto docs test-alerts vuln fuzz-short packages test-packages bench bench-ovsdb bench-flood bench-hosts bench-api bench-datapath bench-rss clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  DEVFLAGS=… for run, FAULTS=n SEED=s for test-faults, SIZE=S|M|L|2L for bench and bench-peers, BENCHFLAGS=… for bench, bench-api, -datapath, -hosts and -peers, FUZZTIME=10s for fuzz-short"

setup: ## install the Debian packages that are missing
	@$(GO) version >/dev/null 2>&1 || { echo "Go is missing: https://go.dev/dl/"; exit 1; }
	@command -v dpkg-query >/dev/null || { echo "not a Debian system: install what corresponds to: $(PACKAGES)"; exit 0; }; \
	missing=; for p in $(PACKAGES); do \
	  dpkg-query -W -f '$${db:Status-Status}\n' $$(echo "$$p" | tr '|' ' ') 2>/dev/null | grep -qx installed || missing="$$missing $${p%%|*}"; \
	done; \
	if [ -n "$$missing" ]; then \
	  echo "installing:$$missing"; \
	  $(SUDO) apt-get -q update && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $$missing; \
	fi

# A virtual machine without KVM needs an emulator.
setup-kernel:
	@{ command -v qemu-system-x86_64 && command -v cpio; } >/dev/null || { $(SUDO) apt-get -q update && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $(KERNEL_PACKAGES); }

# The console needs Node and npm: Debian's, unless others are here. NO_UI=1
# leaves it out.
setup-ui:
	@[ -n "$(NO_UI)" ] || { command -v node && command -v npm; } >/dev/null || { $(SUDO) apt-get -q update && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install nodejs npm; }

build: ## build bin/ringfence, with the console if Node is here (NO_UI=1: without)
	@NO_UI=$(NO_UI) ui/build.sh
	$(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/ringfence ./cmd/ringfence

run: setup setup-ui build ## start a whole Ringfence on this machine, in the foreground
	$(SUDO) bin/ringfence dev $(DEVFLAGS)

demo: setup build ## three VMs, two groups: what passes before and after a rule
	$(GO) build -trimpath -o bin/demo ./cmd/demo
	$(SUDO) bin/demo -ringfence bin/ringfence

# PURE packages only compute (internal/repotest holds them to it): the race
# detector has nothing to find there and makes them several times as slow.
PURE     := cmd/ringfence/internal/debug cmd/ringfence/internal/devstate cmd/ringfence/internal/filestamp cmd/ringfence/internal/look cmd/ringfence/internal/output controller/ownership httpapi/shape httpapi/strictjson impact ofrules openflow openflow/ofsim openflow/oftrace openflow/wire packet plan secgroup span verdict internal/halt internal/ovstest internal/policytest internal/repotest internal/turn internal/workload
# SWITCHES start real switches, as does e2e: those of a part not beside each other, for
# each waits for its turn (internal/turn); the next is linked meanwhile. The longest come
# first.
SWITCHES := e2e/faults controller controller/desk controller/megaflow controller/policing cmd/ringfence ofrules openflow/ofsim openflow/wire openflow/ofconn openflow/oftrace ovsdb unixctl internal/ovsproc internal/ovstest
# Before the race detector tests make fewer of what they make in numbers (-short);
# these make all of it without.
MANY     := ^Test(AuditEntriesAreBounded|Contract|ForeignIsAbsent|KilledAPIsLoseNothing|LargeBodiesCostLittle|LongList|RandomRequests|A(Step|Change)CostsTheSameAmongMany|MassRevocation|MegaflowsFollow.*|TracesAgreeWithThePolicy)$$
# ONCE are tests of the store that are the same without -short: before the race detector
# they run once and for all.
ONCE     := ^Test(EtcdEndsWithItsTests|FollowerMovesOn|Keys|LostEventsAreNoticed|MemberHangs|Nest|NoLeader|RecordsOfTheFirstLevel|RecordsRefuse|Roles|StandIns|StoreFull|ThroughGRPCProxy|UnreadableConcernsItsOwnObject|WhatIsFurtherIsNewToOthers)$$
# RACED are the tests of e2e in which the race detector watches the program under
# test: those in which most happens at once. It makes a program three times as
# dear, and finds nothing by more packets; the tests' own parts it watches in
# e2e/faults.
RACED    := ^Test(StoreLost|APIKilled|Relays|RevocationThroughRelays|RestoreDrill|Sabotage|TracesShowSabotage|DropsAreFollowed)$$
MODULE   := github.com/ringfence/ringfence
# TIMEOUT is for a package that is stuck, of a machine that is slow: it bounds one
# with its wait for those before it. All is vetted beside it.
GOTEST   := $(GO) test -vet=off -timeout $(TIMEOUT)
RACETEST := $(GOTEST) -race -short
# TESTED is the program that whole programs are tested with, built once for all.
TESTED   := bin/tested/ringfence

# PARTS are run three at a time, for none leaves two processors without work: each waits
# for its turns, for what times out, and for the linker. The next begins when one has
# ended: the longest come first, and what is short comes last, so that all end together.
PARTS := e2e others numbers pure controller programs raced masses
test: setup tested ## everything that must hold: vet, unit tests, properties, real packets
	@$(MAKE) --no-print-directory -j3 vet $(PARTS:%=test-%)

.PHONY: tested $(PARTS:%=test-%)
# Without this each program that the race detector watches sleeps a second at its end.
$(PARTS:%=test-%): export GORACE = atexit_sleep_ms=0
tested:
	$(GO) build -ldflags='-s -w' -o $(TESTED) ./cmd/ringfence

test-e2e test-programs: export RINGFENCE_E2E_BINARY = $(CURDIR)/$(TESTED)
test-e2e:
	$(GOTEST) -skip '$(RACED)' ./e2e

# What these wait for is an etcd of their own more often than a processor, so more
# of them run at a time than there are processors.
test-others:
	$(RACETEST) -parallel 4 $$($(GO) list ./... | grep -vxF $(patsubst %,-e $(MODULE)/%,$(PURE) $(SWITCHES) e2e))

test-controller:
	$(RACETEST) $(patsubst %,./%,$(filter-out $(PURE),$(filter controller controller/%,$(SWITCHES))))

test-programs:
	$(RACETEST) $(patsubst %,./%,$(filter-out $(PURE) controller controller/%,$(SWITCHES)))

test-numbers:
	$(GOTEST) -run '$(MANY)' ./httpapi
	$(GOTEST) -parallel 4 -skip '$(ONCE)|/external$$|//external$$' ./store

# What only computes spends a quarter of it on looking for garbage, of which it makes little.
test-pure: export GOGC = 400
test-pure:
	$(GOTEST) $(patsubst %,./%,$(PURE))

test-raced:
	$(GOTEST) -run '$(RACED)' ./e2e -args -raced

# These compare costs, and so come when e2e's many switches are gone.
test-masses:
	$(GOTEST) -run '$(MANY)' ./controller

test-busy: ## test, beside a busy loop for each processor
	@pids=; trap 'kill $$pids' EXIT; trap 'exit 1' INT TERM; \
	for i in $$(seq $$(nproc)); do while :; do :; done & pids="$$pids $$!"; done; \
	$(MAKE) test

FAULTS ?= 30
SEED   ?= 1
test-faults: setup ## break everything at random, FAULTS times from SEED, and check all the while; RELAYS=1: hosts go through relays
	$(GO) test -count=1 -timeout 0 -v -artifacts -run 'TestFaults$$' ./e2e/faults -args -faults $(FAULTS) -seed $(SEED) $(if $(RELAYS),-relays)

# KERNEL_RUN is what of e2e is run there.
KERNEL_RUN ?= TestGuard|TestHarness|TestRevocation|TestStillAllowed|TestControllerKilled
test-kernel: setup setup-kernel ## tests on the kernel datapath, in a virtual machine
	e2e/kernel/run.sh tests -test.parallel 1 -test.run '$(KERNEL_RUN)'

# In namespaces of its own; pictures of the pages are left in ui/test-output.
test-ui: NO_UI :=
test-ui: setup setup-ui ## the console in a browser, against a real Ringfence with VMs
	@command -v chromium >/dev/null || { $(SUDO) apt-get -q update && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install chromium; }
	@$(MAKE) build
	$(GO) test -count=1 -run '^TestBuilt$$' ./console
	cd ui && npm test --silent
	$(SUDO) ui/test/run.sh

packages: setup-ui ## make deb and rpm packages, a container image and a bill of materials of this commit, in dist/ (NO_UI=1: without the console; SIGN_KEY=FILE: signed)
	@NO_UI=$(NO_UI) ui/build.sh
	@SIGN_KEY='$(SIGN_KEY)' deploy/packages/build.sh

# The packages that test-packages, test-machines and test-day-two need, besides.
PACKAGING := debootstrap rpm man-db gnupg gpgv openssl
.PHONY: setup-packaging test-machines test-etcd test-day-two
setup-packaging:
	@{ command -v debootstrap && command -v rpm && command -v man && command -v gpg && command -v gpgv && command -v openssl; } >/dev/null || { $(SUDO) apt-get -q update && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $(PACKAGING); }

test-packages: setup-packaging ## the packages: twice the same, signed, installed, upgraded, removed and purged in a chroot, and the image (as root, 8 minutes)
	$(SUDO) deploy/packages/test.sh

test-machines: setup setup-packaging ## install five machines from the packages by docs/install.md alone, with systemd (as root, 5 minutes)
	$(SUDO) deploy/packages/machines.sh

# The versions of etcd that are tried: docs/install.md.
ETCDS ?= 3.4 3.5 3.6 3.7
test-etcd: setup ## what touches etcd, with each version of it in ETCDS
	$(SUDO) env "PATH=$$PATH" internal/etcdtest/versions/test.sh $(ETCDS)

# CHAPTERS are those to be run, if not all: packages machines configuration units …
test-day-two: setup setup-packaging ## all that operators do, chapter by chapter with its time: packages, machines, certificates, OIDC, etcd, restore, upgrade, metrics, pages
	$(SUDO) env "PATH=$$PATH" deploy/daytwo.sh $(CHAPTERS)

vet:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$bad" ] || { echo "gofmt these:"; echo "$$bad"; exit 1; }
	$(GO) vet ./...
	@$(GO) mod tidy -diff || { echo "go.mod is not tidy: go mod tidy"; exit 1; }

TOOL := $(GO) tool -modfile=tools.mod
# What commands need not reach: what is offered to others, to tests and to the
# simulator, and the text that tests write flows in.
OFFERED := ^(client|internal|openflow/ofsim|relay/wire)/|^openflow/(parse|scan)|: (FieldByName|NewMetadata|PortName|Allowing|Span)$$
lint: vet lint-dead lint-api ## run the linters (built from tools.mod the first time)
	$(TOOL) golangci-lint run ./...

lint-dead: ## find functions that no command reaches
	@all=$$($(TOOL) deadcode ./cmd/...) || exit 1; \
	dead=$$(echo "$$all" | grep -vE '$(OFFERED)'); [ -z "$$dead" ] || { echo "$$dead"; exit 1; }

lint-api: ## have two generators make a client of the API's description
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	  $(TOOL) oapi-codegen -generate types,client -package api -o "$$dir/api.go" httpapi/openapi.yaml && \
	  { $(TOOL) ogen -target "$$dir/ogen" -package api -clean httpapi/openapi.yaml >"$$dir/log" 2>&1 || { cat "$$dir/log"; exit 1; }; }

# protoc's version decides nothing but a comment, which is left out.
proto: ## generate the Go code of the stream between hosts and relays anew
	@command -v protoc >/dev/null || { $(SUDO) apt-get -q update && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install protobuf-compiler; }
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	  $(GO) build -modfile=tools.mod -o "$$dir" google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc && \
	  PATH="$$dir:$$PATH" protoc -I . --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative relay/wire/wire.proto && \
	  sed -i '/^\/\/ [-\t ]*protoc  *v/d' relay/wire/wire.pb.go relay/wire/wire_grpc.pb.go

docs: ## make docs/benchmarks.md of what benchmarks printed, and see that pages show and link to only what there is (test does, too)
	$(GO) run ./cmd/bench/report
	$(GO) test -count=1 -run '^TestDocumentsAreTrue$$' ./cmd/ringfence

test-alerts: ## run the tests of the alerts, with Prometheus' own tool
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && tool=$$(command -v promtool) || { \
	  (cd "$$dir" && { [ "$$(id -u)" != 0 ] || chown _apt .; } && apt-get -q download prometheus && dpkg-deb -x prometheus_*.deb .) && tool="$$dir/usr/bin/promtool"; } && \
	  "$$tool" check rules deploy/monitoring/alerts.yaml && "$$tool" test rules deploy/monitoring/alerts_test.yaml

vuln: ## look for known vulnerabilities, where their list can be had
	$(TOOL) govulncheck ./...

fuzz-short: ## run every fuzz target for FUZZTIME
	@set -e; for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u); do \
	  for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$dir/*_test.go); do \
	    echo "$$dir $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$dir; \
	  done; \
	done

# A benchmark prints JSON lines, and nothing else goes to where they do. The first says what
# commit is measured, with a + if more has changed since than what runs have printed.
BENCHFLAGS ?=
MAKEFLAGS  += --no-print-directory
COMMIT = $(shell git rev-parse --short=7 HEAD 2>/dev/null || echo unknown)$(if $(shell git status --porcelain -- . ':!docs/benchmarks' ':!docs/benchmarks.md' 2>/dev/null),+)
bench bench-%: export GOFLAGS += -ldflags=-X=$(MODULE)/internal/lines.commit=$(COMMIT)
READY = @$(MAKE) -s setup build >&2

bench: ## print the benchmark's figures as JSON lines, for SIZE
	$(READY)
	@$(GO) run ./cmd/bench -size $(SIZE) $(BENCHFLAGS)

# N is how many interfaces the bridge has, BEFORE the last commit with a client of our own.
N      ?= 2000
BEFORE ?= 79cf3b0
bench-ovsdb: ## print what following N interfaces costs as JSON lines, and in words what it did with the client of before
	@$(MAKE) -s setup >&2
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && mkdir "$$dir/src" && \
	  if git archive $(BEFORE) 2>/dev/null | tar -x -C "$$dir/src" 2>/dev/null && \
	    (cd "$$dir/src" && $(GO) build -trimpath -o "$$dir/before" ./cmd/bench/ovsdb); then "$$dir/before" -n $(N) -name before >&2; \
	  else echo "commit $(BEFORE) is not here: nothing to compare with" >&2; fi && \
	  $(GO) build -trimpath -o "$$dir/now" ./cmd/bench/ovsdb && "$$dir/now" -n $(N) -name now

HOSTS ?= 100
bench-hosts: ## print what HOSTS simulated hosts take, with a relay for each 1,000, as JSON lines
	$(READY)
	@$(GO) run ./cmd/bench/hosts -hosts $(HOSTS) -relays $$((($(HOSTS) + 999) / 1000)) $(BENCHFLAGS)

bench-api: ## print what the API reads and writes a second of a big policy, beside what bounds it, as JSON lines
	$(READY)
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && $(GO) build -trimpath -o "$$dir/api" ./cmd/bench/api && "$$dir/api" $(BENCHFLAGS)

.PHONY: bench-peers
bench-peers: ## print the figures of bench that OVN and Neutron have, those that are installed, as JSON lines, for SIZE
	@$(MAKE) -s setup >&2
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && $(GO) build -trimpath -o "$$dir/peers" ./cmd/bench/peers && $(SUDO) "$$dir/peers" -size $(SIZE) $(BENCHFLAGS)

.PHONY: bench-share
bench-share: ## print what a host behind a relay takes of a big policy that concerns others, as JSON lines
	$(READY)
	@$(GO) run ./cmd/bench -share

bench-flood: ## print how long others take to connect while one VM floods the switch, as JSON lines
	$(READY)
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	  { $(SUDO) env "PATH=$$PATH" "GOFLAGS=$$GOFLAGS" $(GO) test -count=1 -v -run 'TestNeighboursOfAFlood$$' ./e2e -neighbours 10s >"$$dir/log" || { cat "$$dir/log" >&2; exit 1; }; } && \
	  grep '^{' "$$dir/log"

ROUNDS ?= 5
bench-datapath: ## print what packets cost in the switch, by ROUNDS of turns with no rules and, if installed, OVN, as JSON lines
	@$(MAKE) -s setup >&2
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && $(GO) build -trimpath -o "$$dir/datapath" ./cmd/bench/datapath && $(SUDO) "$$dir/datapath" -rounds $(ROUNDS) $(BENCHFLAGS)

.PHONY: bench-kernel
bench-kernel: ## count on the kernel datapath what bench-datapath counts, in a virtual machine, as JSON lines
	@$(MAKE) -s setup setup-kernel >&2
	@e2e/kernel/run.sh datapath -kernel -rounds 1

BINARIES ?= bin/ringfence
bench-rss: setup build ## print what memory a controller holds with N interfaces, of each of BINARIES
	@$(SUDO) cmd/bench/ovsdb/rss.sh $(N) $(BINARIES)

clean: ## remove what was built
	rm -rf bin dist console/static/built ui/node_modules ui/src/generated ui/test-output
