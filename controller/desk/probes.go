package desk

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

// Ids of probes have this bit, which those of watches, being ofports, have not.
const probeID = 1 << 31

// probeMeter is in the upper half of the id of a probe's meter, as watchMeter in
// that of a watch's.
const probeMeter = 0x52480000

// probe is a packet that this host looks for.
type probe struct {
	id     uint32
	name   string
	packet []byte // from the transport header on
	until  time.Time
	tracer *tracer
	conn   *ofconn.Conn // to the switch that has its flows
	seen   chan sighting
}

// sighting is what a flow reported of the packet.
type sighting struct {
	ofrules.Report
	table uint8
}

func (p *probe) meter() uint32 { return probeMeter | p.id&0xffff }

// probes are those that are under way.
type probes struct {
	mu   sync.Mutex
	last uint16
	all  map[string]*probe
}

func (s *probes) open(name string, packet []byte) *probe {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for name, p := range s.all {
		if now.After(p.until) { // nobody came to collect it
			delete(s.all, name)
		}
	}
	if s.all == nil {
		s.all = map[string]*probe{}
	}
	s.last++
	p := &probe{id: probeID | uint32(s.last), name: name, packet: packet, until: now.Add(probeTimeout), seen: make(chan sighting, 16)}
	s.all[name] = p
	return p
}

func (s *probes) find(name string) *probe {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[name]
}

func (s *probes) close(p *probe) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[p.name] == p {
		delete(s.all, p.name)
	}
}

// sighted takes a report, and tells whether it was of the packet of a probe: others
// have its tuple too.
func (s *probes) sighted(r ofrules.Report, in wire.PacketIn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		return false
	}
	packet := transportOf(in.Packet)
	for _, p := range s.all {
		if !bytes.Equal(packet, p.packet) {
			continue
		}
		if r.ID == p.id {
			select {
			case p.seen <- sighting{r, in.Table}:
			default: // it goes round and round
			}
		}
		return true
	}
	return false
}

// egress is what became of the packet at its source. inside: it goes to a NIC of
// this host.
func (p *probe) egress(ctx context.Context, inside bool) *inquiry.ProbeLeg {
	leg := p.await(ctx, true, probeWait)
	if leg == nil {
		return p.legUnseen()
	}
	if leg.Verdict == inquiry.Allow && !inside {
		if later := p.await(ctx, true, probeAfter); later != nil {
			return later
		}
	}
	return leg
}

// ingress is what became of the packet at its destination.
func (p *probe) ingress(ctx context.Context) *inquiry.ProbeLeg {
	if leg := p.await(ctx, false, probeWait); leg != nil {
		return leg
	}
	return p.legUnseen()
}

// await returns the next that is heard of one end; nil if nothing is.
func (p *probe) await(ctx context.Context, egress bool, wait time.Duration) *inquiry.ProbeLeg {
	late := time.NewTimer(wait)
	defer late.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-late.C:
			return nil
		case s := <-p.seen:
			if s.Egress == egress {
				return p.legOf(s)
			}
		}
	}
}

// legOf is what a sighting says of an end.
func (p *probe) legOf(s sighting) *inquiry.ProbeLeg {
	leg := &inquiry.ProbeLeg{Verdict: inquiry.Allow, Reason: "passed", Table: s.table, TableName: ofrules.TableNames()[s.table]}
	switch {
	case s.Drop != 0:
		leg.Verdict, leg.Reason, leg.Detail = inquiry.Deny, s.Drop.String(), s.Drop.Detail()
	case !s.Egress:
		leg.Reason, leg.Detail = "delivered", "to port "+p.tracer.ifaces[p.tracer.dst.port]
	}
	return leg
}

// legUnseen is what is said of an end at which nothing was seen.
func (p *probe) legUnseen() *inquiry.ProbeLeg {
	return &inquiry.ProbeLeg{Verdict: inquiry.Unknown, Reason: "not-seen", Detail: "it passed and was dropped nowhere that Ringfence would pass or drop it: it was lost, cut, or met flows of somebody else"}
}
