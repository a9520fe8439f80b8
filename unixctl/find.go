package unixctl

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// FindVswitchd returns the path of the control socket of the ovs-vswitchd
// that runs with the given OVS_RUNDIR: ovs-vswitchd.<pid>.ctl, with the pid
// from ovs-vswitchd.pid. It fails with ErrNotRunning when there is none.
func FindVswitchd(rundir string) (string, error) {
	pidfile := filepath.Join(rundir, "ovs-vswitchd.pid")
	b, err := os.ReadFile(pidfile)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	pid, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 31)
	if err != nil || pid == 0 {
		return "", fmt.Errorf("%s holds %q, not a process id", pidfile, b)
	}
	sock := filepath.Join(rundir, fmt.Sprintf("ovs-vswitchd.%d.ctl", pid))
	if _, err := os.Stat(sock); err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	return sock, nil
}
