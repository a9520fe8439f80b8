package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// kernelCounts are what a kernel datapath has counted since it was made.
type kernelCounts struct {
	found, missed float64 // look-ups, one for each pass of a packet
	masks         float64 // that they tried
	lost          float64 // packets that ovs-vswitchd did not get in time
	received      float64 // packets at ports
}

var (
	lookupsLine = regexp.MustCompile(`lookups: hit:(\d+) missed:(\d+) lost:(\d+)`)
	masksLine   = regexp.MustCompile(`masks: hit:(\d+)`)
	portLine    = regexp.MustCompile(`RX packets:(\d+)`)
)

// kernelCounts asks the datapath (ovs-dpctl(8), show).
func (s *site) kernelCounts(ctx context.Context) (k kernelCounts, err error) {
	text, err := s.ovs.Appctl(ctx, "dpctl/show", "--statistics")
	if err != nil {
		return k, err
	}
	lookups, masks, ports := lookupsLine.FindStringSubmatch(text), masksLine.FindStringSubmatch(text), portLine.FindAllStringSubmatch(text, -1)
	if lookups == nil || masks == nil || ports == nil {
		return k, fmt.Errorf("no counters of a kernel datapath in %q", text)
	}
	number := func(digits string) float64 {
		n, _ := strconv.ParseFloat(digits, 64) // they are digits
		return n
	}
	k = kernelCounts{found: number(lookups[1]), missed: number(lookups[2]), lost: number(lookups[3]), masks: number(masks[1])}
	for _, p := range ports {
		k.received += number(p[1])
	}
	return k, nil
}

// countKernel counts what a kernel datapath does. Packets that ovs-vswitchd did not get are
// an error: nothing can be said of their passes.
func (s *site) countKernel(ctx context.Context) (counting, error) {
	then, err := s.kernelCounts(ctx)
	return func(ctx context.Context) (counters, error) {
		now, err := s.kernelCounts(ctx)
		if err != nil {
			return counters{}, err
		}
		if lost := now.lost - then.lost; lost > 0 {
			return counters{}, fmt.Errorf("%.0f packets were lost on their way to ovs-vswitchd", lost)
		}
		packets, passes := now.received-then.received, now.found+now.missed-then.found-then.missed
		if packets == 0 || passes == 0 {
			return counters{}, fmt.Errorf("the datapath has counted %.0f packets and %.0f passes", packets, passes)
		}
		return counters{packets: packets, upcalls: now.missed - then.missed, passes: passes / packets, subtables: (now.masks - then.masks) / passes}, nil
	}, err
}

// awaitUpcalls restarts ovs-vswitchd until it hears of packets that have no megaflow: one that
// starts beside others on a kernel that has just started may lose all of a processor, as
// internal/lab knows.
func (s *site) awaitUpcalls(ctx context.Context) error {
	sock, device, err := s.client.packets()
	if err != nil {
		return err
	}
	defer unix.Close(sock)
	const restarts = 10
	for i := byte(0); ; i++ {
		then, err := s.kernelCounts(ctx)
		if err != nil {
			return err
		}
		frame := make([]byte, 60)
		copy(frame, append(append(serverMAC[:], clientMAC[:]...), 0x88, 0xf0+i)) // of no protocol
		if err := unix.Sendto(sock, frame, 0, &unix.SockaddrLinklayer{Ifindex: device}); err != nil {
			return err
		}
		time.Sleep(time.Second)
		switch now, err := s.kernelCounts(ctx); {
		case err != nil:
			return err
		case now.missed > then.missed && now.lost == then.lost:
			return nil
		case i == restarts:
			return fmt.Errorf("the switch is deaf, also after %d restarts", restarts)
		}
		if err := s.ovs.RestartVswitchd(ctx); err != nil {
			return err
		}
	}
}
