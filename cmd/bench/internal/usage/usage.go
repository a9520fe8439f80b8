// Package usage tells what processes take of the machine; proc(5).
package usage

import (
	"github.com/prometheus/procfs"
)

// CPU is the processor time that a process has taken, in seconds; it is counted in
// hundredths.
func CPU(pid int) (float64, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, err
	}
	stat, err := p.Stat()
	return stat.CPUTime(), err
}

// Memory is a process's resident set, now and at its highest, in bytes.
func Memory(pid int) (now, peak uint64, err error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, 0, err
	}
	status, err := p.NewStatus()
	return status.VmRSS, status.VmHWM, err
}

// Megabytes are Memory's in MB of 2^20 bytes.
func Megabytes(pid int) (now, peak float64, err error) {
	n, p, err := Memory(pid)
	return float64(n) / (1 << 20), float64(p) / (1 << 20), err
}
