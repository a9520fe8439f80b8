package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// SIGHUP takes up what it can of a changed file, says what takes a restart, and
// changes nothing if there is a fault.
func TestReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "api.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("rate-limit: 0.001\naudit-days: 7\n")
	systemd := listenAsSystemd(t)
	api := startAPIProgram(t, dir, []string{"NOTIFY_SOCKET=" + systemd.path, "WATCHDOG_USEC=300000"}, "--config", file)
	systemd.hears(t, "READY=1")
	systemd.hears(t, "STATUS=serving "+regexp.QuoteMeta(api.url)+", store well")
	systemd.hears(t, "WATCHDOG=1")
	hangUp := func() {
		t.Helper()
		if err := api.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	// How many of four requests at once are refused for being too many.
	refused := func() (n int) {
		for range 4 {
			req, err := http.NewRequestWithContext(t.Context(), "GET", api.url+"/v1/whoami", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer acme-token")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode == http.StatusTooManyRequests {
				n++
			}
		}
		return n
	}
	if n := refused(); n != 3 {
		t.Errorf("%d of 4 requests are refused, want 3: the file's rate-limit does not hold", n)
	}

	write("rate-limit: 1000\naudit-dayz: 8\n")
	hangUp()
	api.says(t, `not reloaded: .*api\.yaml:2: unknown key audit-dayz: audit-days is meant`)
	if n := refused(); n != 4 {
		t.Errorf("%d of 4 requests are refused, want all: a file with a fault was taken up", n)
	}
	write("rate-limit: 1000\naudit-days: 0\n")
	hangUp()
	api.says(t, `not reloaded: .*--audit-days 0: want at least 1`)
	if n := refused(); n != 4 {
		t.Errorf("%d of 4 requests are refused, want all: settings that the server refuses were taken up", n)
	}

	write("rate-limit: 1000\naudit-days: 8\nlog-level: debug\n")
	hangUp()
	systemd.hears(t, "RELOADING=1")
	systemd.hears(t, "READY=1")
	api.says(t, `level=WARN msg="a setting has changed and takes a restart" setting=audit-days in_force=7 wanted=8`)
	api.says(t, `msg="settings reloaded" changed=log-level,rate-limit`)
	if n := refused(); n != 0 {
		t.Errorf("%d of 4 requests are refused: the new rate-limit does not hold", n)
	}
	// What was taken up is not told again, what was not is.
	before := strings.Count(api.out.String(), "takes a restart")
	hangUp()
	api.says(t, `msg="settings reloaded" changed=""`)
	if after := strings.Count(api.out.String(), "takes a restart"); after != before+1 {
		t.Errorf("said %d times that a setting takes a restart, want %d", after, before+1)
	}
	// A file that has changed is read without being told to, once.
	write("rate-limit: -1\n")
	api.says(t, `not reloaded: .*--rate-limit -1: want a number`)
	write("rate-limit: 0.001\naudit-days: 9\n")
	api.says(t, `setting=audit-days in_force=7 wanted=9`)
	api.says(t, `msg="settings reloaded" changed=log-level,rate-limit`+"(?s:.*)"+`msg="settings reloaded" changed=log-level,rate-limit`)
	if n := refused(); n == 0 {
		t.Error("no request is refused: the rate-limit of the changed file does not hold")
	}
	if n := strings.Count(api.out.String(), "--rate-limit -1"); n != 1 {
		t.Errorf("the fault of a file was told %d times", n)
	}
	api.stop(t)
	systemd.hears(t, "STOPPING=1")
}
