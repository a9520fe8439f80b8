#!/bin/bash
# Everything that a platform team does with Ringfence after its first day, chapter by
# chapter, each with its time: what is too long for "make test", and by name what that
# runs anyway. It goes on after a chapter that fails, and fails at its end. As root;
# arguments are the chapters to be run, if not all.
set -u
cd "$(dirname "$0")/.."
wanted=" $* "
known=" "
failed=""

# chapter NAME COMMAND... runs it.
chapter() {
	local name=$1 begun=$SECONDS outcome=ok
	shift
	known+="$name "
	[ "$wanted" = "  " ] || [[ $wanted == *" $name "* ]] || return 0
	echo "==== $name"
	"$@" || { outcome=FAILED failed="$failed $name"; }
	echo "==== $name: $outcome, in $((SECONDS - begun)) s"
}

# tests PACKAGE NAME... runs tests of a package. One that is not there has not passed.
tests() {
	local package=$1 log name status=0
	shift
	log=$(mktemp)
	go test -count=1 -vet=off -timeout 30m -v -run "^($(IFS='|' && echo "$*"))\$" "./$package" >"$log" 2>&1 || status=1
	for name; do
		grep -E "^--- PASS: $name \(" "$log" || { echo "--- not passed: $package $name" && status=1; }
	done
	[ $status = 0 ] || cat "$log"
	rm "$log"
	return $status
}
all() { # runs each line of commands
	local line status=0
	while read -r line; do
		[ -z "$line" ] || eval "$line" </dev/null || status=1
	done
	return $status
}

chapter packages deploy/packages/test.sh
chapter machines deploy/packages/machines.sh # and notify, reload and watchdog under systemd
chapter configuration all <<-'END'
	tests cmd/ringfence TestExampleConfigurations TestReload
END
chapter units all <<-'END'
	tests internal/repotest TestUnitsAreClosed
	tests cmd/ringfence/internal/service TestWhatSystemdIsTold TestStatus TestWatchdog TestWithoutSystemd
	tests cmd/ringfence TestControllerNeedsNoCapability
END
chapter certificates all <<-'END'
	tests cmd/ringfence TestCertificateRenewedUnderRequests
	tests cmd/ringfence/internal/certfile TestTakenUp TestAuthoritiesAreTakenUp TestHandshakesAfterRenewal TestWarnings TestExpiryMetric
	tests relay TestCertificatesOfHosts
END
chapter oidc all <<-'END'
	tests httpapi/openid TestWhoATokenIs TestForgedTokens TestKeysAreRotated TestIssuerAway
	tests cmd/ringfence TestIssuerBesideTheTokenFile
END
chapter etcd all <<-'END'
	tests cmd/ringfence TestInstallPageMakesEtcd TestBackupUnitSaves
	make --no-print-directory test-etcd
END
chapter restore all <<-'END'
	tests e2e TestRestoreDrill
	tests store TestRestoredFromABackup TestLossIsKnownLater
END
chapter upgrade all <<-'END'
	tests e2e TestUpgradeUnderTraffic TestHeldLevel TestBesideThePrevious
END
chapter metrics all <<-'END'
	tests internal/repotest TestMonitoringKnowsTheMetrics
	make --no-print-directory test-alerts
END
chapter docs all <<-'END'
	make --no-print-directory docs
END
for name; do
	[[ $known == *" $name "* ]] || { echo "no chapter is called $name: there are$known" && failed="$failed $name"; }
done
[ -z "$failed" ] || {
	echo "FAILED:$failed"
	exit 1
}
echo "ok, in $SECONDS s"
