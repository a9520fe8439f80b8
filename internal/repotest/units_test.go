package repotest

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// maxExposure is what systemd-analyze may make of a unit at most, in tenths: 2.0
// of 10.
const maxExposure = "20"

// Units are free of faults, and as closed as the services can be.
func TestUnitsAreClosed(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Fatalf("%v: \"make setup\" installs it", err)
	}
	units := 0
	walk(t, func(file string, content []byte) {
		if path.Dir(file) != "deploy/systemd" || path.Ext(file) != ".service" {
			return
		}
		units++
		if out, err := analyzed(t, path.Base(file), content, "security", "--offline=true", "--threshold="+maxExposure); err != nil {
			t.Errorf("%s is more open than %s tenths: %v\n%s", file, maxExposure, err, out)
		}
		if out, err := analyzed(t, path.Base(file), content, "verify", "--man=no", "--recursive-errors=no"); err != nil || out != "" {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
		// The tool does find what is wrong.
		open := regexp.MustCompile("(?m)^(SystemCall|Protect|Capability).*\n").ReplaceAllString(string(content), "") + "ProtectSistem=strict\n"
		if _, err := analyzed(t, path.Base(file), []byte(open), "security", "--offline=true", "--threshold="+maxExposure); err == nil {
			t.Errorf("%s without a filter of system calls is taken to be closed", file)
		}
		if out, _ := analyzed(t, path.Base(file), []byte(open), "verify", "--man=no", "--recursive-errors=no"); !strings.Contains(out, "ProtectSistem") {
			t.Errorf("%s with an unknown key is taken to be without fault: %s", file, out)
		}
	})
	if units != 5 {
		t.Errorf("found %d units, want 5: looking in the wrong place", units)
	}
}

// analyzed runs systemd-analyze on a unit, with a program that is here.
func analyzed(t *testing.T, name string, unit []byte, args ...string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	here := strings.ReplaceAll(string(unit), "/usr/bin/ringfence ", "/bin/true ")
	if err := os.WriteFile(file, []byte(here), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("systemd-analyze", append(args, file)...).CombinedOutput()
	return string(out), err
}
