package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
)

// probeOf asks what becomes of a packet that is sent.
func (r *rig) probeOf(p firstPacket, q inquiry.ProbeQuestion) inquiry.ProbeAnswer {
	r.t.Helper()
	src, dst := p.addresses()
	q.TraceQuestion.State = inquiry.New
	q.Packet = packet.Tuple{Src: src, Dst: dst, Proto: uint8(p.proto), SrcPort: p.sport, DstPort: p.dport}
	if p.proto == layers.IPProtocolICMPv6 {
		q.Packet.SrcPort, q.Packet.DstPort, q.Packet.ICMPType = 0, 0, 128
	}
	if q.Source == "" {
		q.Source, q.Destination, q.Egress, q.Ingress = small.NIC(p.from).ID, small.NIC(p.to).ID, true, true
	}
	q.ID, q.Part, q.Mark = p.String(), inquiry.ProbeSend, [8]byte{1, 2, 3, 4, 5, 6, 7, byte(p.dport)}
	return ask[inquiry.ProbeAnswer](r, inquiry.KindProbe, q)
}

func (a legs) String() string { return fmt.Sprintf("%s %s", a[0], a[1]) }

// legs are what became of a packet at both ends.
type legs [2]string

func legsOf(a inquiry.ProbeAnswer) (l legs) {
	for i, leg := range []*inquiry.ProbeLeg{a.Egress, a.Ingress} {
		if leg != nil {
			l[i] = fmt.Sprint(leg.Verdict, " ", leg.Reason, " ", leg.Table)
		}
	}
	return l
}

// A probe is one packet that the destination gets if it may, and nobody else; it
// opens one connection, as a packet does, and leaves no flow.
func TestProbes(t *testing.T) {
	r, p := guarded(t, 1, 2)
	r.applied(r.write(p.Rule("db", "ping", secgroup.Ingress, "icmp", 0, ""), p.Rule("db", "dns", secgroup.Ingress, "udp", 53, "")))
	before := r.flows()
	spoofed, echo := tcp(3, 2, 80), ping6(1, 2)
	echo.sport = 0x102 // of the mark
	for _, c := range []struct {
		firstPacket
		want legs
		q    inquiry.ProbeQuestion
	}{
		{firstPacket: tcp(1, 2, 80), want: legs{"allow passed 50", "allow delivered 100"}},
		{firstPacket: tcp(1, 2, 81), want: legs{"allow passed 50", "deny no-rule 90"}},
		{firstPacket: udp(1, 2, 53), want: legs{"allow passed 50", "allow delivered 100"}},
		{firstPacket: udp(1, 2, 68), want: legs{"deny guard 10", ""}},
		{firstPacket: echo, want: legs{"allow passed 50", "allow delivered 100"}},
		{firstPacket: spoofed, want: legs{"deny spoofed 10", ""}, q: inquiry.ProbeQuestion{TraceQuestion: inquiry.TraceQuestion{Source: "a1", Destination: "a2", Egress: true, Ingress: true}}},
	} {
		had := r.sent("p2")
		answer := r.probeOf(c.firstPacket, c.q)
		if got := legsOf(answer); got != c.want {
			t.Errorf("%v: %v, want %v", c.firstPacket, got, c.want)
		}
		want := uint64(0)
		if strings.Contains(c.want[1], "allow") {
			want = 1
			r.isOpen(c.firstPacket)
		}
		if got := r.sent("p2") - had; got != want {
			t.Errorf("%v: a2 gets %d frames", c.firstPacket, got)
		}
	}
	if now := r.flows(); fmt.Sprint(now) != fmt.Sprint(before) {
		t.Errorf("%d flows, before %d", len(now), len(before))
	}
	if meters := r.ovs.Ofctl("-O", "OpenFlow15", "dump-meters", bridge); strings.Contains(meters, "rate") {
		t.Errorf("meters stay: %s", meters)
	}
}

// Packets of the probe's tuple that are not the probe are none of its business,
// and go their way; and a probe is not among the drops.
func TestProbesAmongOthers(t *testing.T) {
	r, _ := guarded(t, 1, 2)
	r.drops(30, "a1", "a2")
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(30 * time.Millisecond): // the meter has room for the probe
				r.send(tcp(1, 2, 81))
			}
		}
	}()
	had := uint64(0)
	for range 3 {
		if got := legsOf(r.probeOf(tcp(1, 2, 81), inquiry.ProbeQuestion{})); got != (legs{"allow passed 50", "deny no-rule 90"}) {
			t.Errorf("among others: %v", got)
		}
		r.eventually(patience, "drops are told", func() string {
			n := totals(r.drops(30, "a2"))["a2 ingress no-rule"]
			if n <= had {
				return fmt.Sprint(n)
			}
			had = n
			return ""
		})
	}
	close(stop)
	<-done
	for _, d := range r.drops(30, "a1", "a2").Drops {
		if d.NIC != "a2" || d.Direction != "ingress" {
			t.Errorf("a drop that is none: %+v", d)
		}
	}
}
