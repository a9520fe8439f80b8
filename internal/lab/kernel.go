package lab

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/internal/netns"
)

// missedLost finds how many packets had no flow in a datapath, and how many of
// those were lost on their way up to ovs-vswitchd, in what dpctl/show prints.
var missedLost = regexp.MustCompile(`missed:(\d+) lost:(\d+)`)

// awaitUpcalls returns when what enters the site by a port gets to ovs-vswitchd
// on every processor, which may take a restart of it: on a kernel that has just
// started, one of several switches that start at once may lose every packet of
// one processor that its datapath has no flow for (OVS 3.1, Linux 6.1). The
// other end of the port is in a namespace.
func (s *site) awaitUpcalls(ctx context.Context, other *netns.Namespace, device string) error {
	const tries = 10
	for range tries {
		hears, err := s.hearsEverywhere(ctx, other, device)
		if hears || err != nil {
			return err
		}
		if err := s.RestartVswitchd(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("the switch of %s is deaf on a processor, also after %d restarts", s.name, tries)
}

func (s *site) hearsEverywhere(ctx context.Context, other *netns.Namespace, device string) (bool, error) {
	for cpu := range runtime.NumCPU() {
		_, before, err := s.misses(ctx)
		if err != nil {
			return false, err
		}
		for kind := range 3 {
			if err := shout(other, device, cpu, kind); err != nil {
				return false, err
			}
		}
		time.Sleep(50 * time.Millisecond)
		if _, after, err := s.misses(ctx); err != nil || after > before {
			return false, err
		}
	}
	missed, lost, err := s.misses(ctx)
	return missed > lost, err
}

// misses are how many packets had no flow, and how many of these were lost.
func (s *site) misses(ctx context.Context) (missed, lost int, err error) {
	out, err := s.Appctl(ctx, "dpctl/show")
	if err != nil {
		return 0, 0, err
	}
	m := missedLost.FindStringSubmatch(out)
	if m == nil {
		return 0, 0, fmt.Errorf("dpctl/show of %s: %q", s.name, out)
	}
	missed, err = strconv.Atoi(m[1])
	if err == nil {
		lost, err = strconv.Atoi(m[2])
	}
	return missed, lost, err
}

// shout sends a frame to everyone from a processor. Frames of another kind have
// another type and sender, and so no flow yet.
func shout(ns *netns.Namespace, device string, cpu, kind int) error {
	return ns.Do(func() error {
		var home, one unix.CPUSet
		if err := unix.SchedGetaffinity(0, &home); err != nil {
			return err
		}
		one.Set(cpu)
		if err := unix.SchedSetaffinity(0, &one); err != nil {
			return err
		}
		defer unix.SchedSetaffinity(0, &home) //nolint:errcheck // it was so before
		ifi, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		frame := make([]byte, 60)
		copy(frame, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, byte(cpu), byte(kind), 0x88, byte(0xf0 + 3*cpu%12 + kind)})
		return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: ifi.Index})
	})
}
