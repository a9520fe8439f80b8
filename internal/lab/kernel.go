package lab

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/internal/netns"
)

// missedLost finds how many packets had no flow in a datapath, and how many of
// those were lost on their way up to ovs-vswitchd, in what dpctl/show prints.
var missedLost = regexp.MustCompile(`missed:(\d+) lost:(\d+)`)

// awaitUpcalls returns when what enters the site by a port gets to ovs-vswitchd,
// which may take a restart of it: on a kernel that has just started one of
// several switches that start at once loses every packet that its datapath has
// no flow for (OVS 3.1, Linux 6.1). The other end of the port is in a namespace.
func (s *site) awaitUpcalls(ctx context.Context, other *netns.Namespace, device string) error {
	const tries = 5
	for range tries {
		for range 20 {
			if err := shout(other, device); err != nil {
				return err
			}
			time.Sleep(50 * time.Millisecond)
			out, err := s.Appctl(ctx, "dpctl/show")
			if err != nil {
				return err
			}
			m := missedLost.FindStringSubmatch(out)
			if m == nil {
				return fmt.Errorf("dpctl/show of %s: %q", s.name, out)
			}
			missed, _ := strconv.Atoi(m[1]) // digits
			lost, _ := strconv.Atoi(m[2])
			if missed > lost {
				return nil
			}
		}
		if err := s.RestartVswitchd(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("the switch of %s loses every packet, also after %d restarts", s.name, tries)
}

// shout sends a frame of an experimental type to everyone.
func shout(ns *netns.Namespace, device string) error {
	return ns.Do(func() error {
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
		copy(frame, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5})
		return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: ifi.Index})
	})
}
