package policytest_test

import (
	"fmt"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/verdict"
)

// TestGuardDraws: all that the guard decides comes up, both ways where there are
// two.
func TestGuardDraws(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(150) {
		g := policytest.Seeded(seed, policytest.Options{Guard: true, Multicast: true})
		s := policytest.Load(g.Policy())
		for range 400 {
			c, ok := g.Packet(s)
			if !ok {
				t.Fatalf("seed %d: no packet", seed)
			}
			egress, ingress, _ := verdict.Decide(s, c.Src, c.Dst, c.Packet)
			for way, d := range map[string]*verdict.Decision{"out": egress, "in": ingress} {
				if d != nil {
					seen[fmt.Sprintf("%s %s %s %t", way, kindOf(&c.Packet), d.Reason, d.Allow)]++
				}
			}
		}
	}
	for _, want := range []string{
		"out RA guard false", "in RA guard true", "in RA guard false",
		"out redirect4 guard false", "out redirect6 guard false",
		"out RS guard true", "out RS guard false", "out RS spoofed false",
		"out NS guard true", "out NS guard false", "out NS spoofed false", "in NS guard true", "in NS guard false",
		"out NA guard true", "out NA guard false", "out NA spoofed false", "in NA guard true", "in NA guard false",
		"out to DHCP client guard false", "out to DHCP client guard true", "in to DHCP client guard true", "in to DHCP client no-rule false",
		"out to DHCP server guard true", "out to DHCP server spoofed false", "in to DHCP server guard true", "in to DHCP server no-rule false",
		"out DHCP discovery guard true",
		"out to many unrestricted true", "out to many spoofed false", "out to many no-rule false", "in to many rule true", "in to many no-rule false",
		"out other spoofed false", "out other baseline true",
	} {
		if seen[want] < 3 {
			t.Errorf("%d times: %s", seen[want], want)
		}
	}
	t.Log(seen)
}

// kindOf names what the guard tells apart.
func kindOf(p *packet.Tuple) string {
	v6 := p.Is6()
	many := p.Dst.IsMulticast() || p.Dst.String() == "255.255.255.255"
	switch {
	case v6 && p.Proto == packet.ProtoICMPv6 && 133 <= p.ICMPType && p.ICMPType <= 137:
		return []string{"RS", "RA", "NS", "NA", "redirect6"}[p.ICMPType-133]
	case !v6 && p.Proto == packet.ProtoICMP && p.ICMPType == 5:
		return "redirect4"
	case p.Proto == packet.ProtoUDP && (p.DstPort == 68 && !v6 || p.DstPort == 546 && v6):
		return "to DHCP client"
	case p.Proto == packet.ProtoUDP && p.DstPort == 67 && !v6 && p.Src.IsUnspecified() && many:
		return "DHCP discovery"
	case p.Proto == packet.ProtoUDP && (p.DstPort == 67 && !v6 || p.DstPort == 547 && v6):
		return "to DHCP server"
	case many:
		return "to many"
	}
	return "other"
}
