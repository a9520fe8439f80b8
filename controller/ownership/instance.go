package ownership

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// bootIDFile is random for each start of a machine, proc(5).
const bootIDFile = "/proc/sys/kernel/random/boot_id"

// Instance tells this machine and its bridge from all others, so that of two
// that report under one host's name only one is believed. It is the same for a
// controller that is started again. What copies of a disk have in common (the
// machine's id, that of its Open vSwitch) is not in it.
func Instance(runDir, bridge string) (string, error) {
	boot, err := os.ReadFile(bootIDFile)
	if err != nil {
		return "", err
	}
	var dir unix.Stat_t
	if err := unix.Stat(runDir, &dir); err != nil {
		return "", fmt.Errorf("%s: %w", runDir, err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d %s", strings.TrimSpace(string(boot)), dir.Dev, dir.Ino, bridge))
	return hex.EncodeToString(sum[:8]), nil
}

// Machine is how people know this machine.
func Machine() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}
