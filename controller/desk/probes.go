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

// probeID is a bit that the ids of probes have. Those of watches are ofports, and have it not.
const probeID = 1 << 31

// probeMeter in the upper half of a meter's id says that the meter is of a probe, as
// watchMeter does for a watch.
const probeMeter = 0x52480000

// probe is a packet that is sent on purpose, and that flows of this host report.
type probe struct {
	id        uint32
	name      string
	packet    []byte // from the transport header on
	until     time.Time
	tracer    *tracer
	conn      *ofconn.Conn // to the switch that has its flows
	sightings chan sighting
}

// sighting is a flow's report that it met the packet of a probe.
type sighting struct {
	ofrules.Report
	table uint8
}

func (p *probe) meter() uint32 { return probeMeter | p.id&0xffff }

// probes has the probes that are under way at this host, by their names.
type probes struct {
	mu       sync.Mutex
	last     uint16
	underWay map[string]*probe
}

// add makes a probe of a packet (from the transport header on) and forgets those that
// nobody came to collect.
func (s *probes) add(name string, packet []byte) *probe {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for name, p := range s.underWay {
		if now.After(p.until) { // nobody came to collect it
			delete(s.underWay, name)
		}
	}
	if s.underWay == nil {
		s.underWay = map[string]*probe{}
	}
	s.last++
	p := &probe{id: probeID | uint32(s.last), name: name, packet: packet, until: now.Add(probeTimeout), sightings: make(chan sighting, 16)}
	s.underWay[name] = p
	return p
}

func (s *probes) find(name string) *probe {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.underWay[name]
}

func (s *probes) remove(p *probe) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.underWay[p.name] == p {
		delete(s.underWay, p.name)
	}
}

// takeSighting is called for each report. It reports whether the packet is that of a probe,
// and hands the report to that. A packet of the same tuple with other bytes is not.
func (s *probes) takeSighting(r ofrules.Report, in wire.PacketIn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.underWay) == 0 {
		return false
	}
	packet := transportOf(in.Packet)
	for _, p := range s.underWay {
		if !bytes.Equal(packet, p.packet) {
			continue
		}
		if r.ID == p.id {
			select {
			case p.sightings <- sighting{r, in.Table}:
			default: // the packet loops: its first sightings are enough
			}
		}
		return true
	}
	return false
}

// egress waits for what the packet's source end does with it. inside says that it goes to a
// NIC of this host. Else what has passed egress may still be dropped in the next table,
// so egress waits a moment longer for that.
func (p *probe) egress(ctx context.Context, inside bool) *inquiry.ProbeLeg {
	leg := p.await(ctx, true, probeWait)
	if leg == nil {
		return p.legNotSeen()
	}
	if leg.Verdict == inquiry.Allow && !inside {
		if later := p.await(ctx, true, probeAfter); later != nil {
			return later
		}
	}
	return leg
}

// ingress waits for what the packet's destination end does with it.
func (p *probe) ingress(ctx context.Context) *inquiry.ProbeLeg {
	if leg := p.await(ctx, false, probeWait); leg != nil {
		return leg
	}
	return p.legNotSeen()
}

// await returns what the next sighting at one end says, or nil if there is none in time.
func (p *probe) await(ctx context.Context, egress bool, wait time.Duration) *inquiry.ProbeLeg {
	late := time.NewTimer(wait)
	defer late.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-late.C:
			return nil
		case s := <-p.sightings:
			if s.Egress == egress {
				return p.legSighted(s)
			}
		}
	}
}

// legSighted is the answer for an end at which the packet was seen.
func (p *probe) legSighted(s sighting) *inquiry.ProbeLeg {
	leg := &inquiry.ProbeLeg{Verdict: inquiry.Allow, Reason: "passed", Table: s.table, TableName: ofrules.TableNames()[s.table]}
	switch {
	case s.Drop != 0:
		leg.Verdict, leg.Reason, leg.Detail = inquiry.Deny, s.Drop.String(), s.Drop.Detail()
	case !s.Egress:
		leg.Reason, leg.Detail = "delivered", "to port "+p.tracer.ifaces[p.tracer.dst.port]
	}
	return leg
}

// legNotSeen is the answer for an end at which the packet was not seen.
func (p *probe) legNotSeen() *inquiry.ProbeLeg {
	return &inquiry.ProbeLeg{Verdict: inquiry.Unknown, Reason: "not-seen", Detail: "it passed and was dropped nowhere that Ringfence would pass or drop it: it was lost, cut, or met flows of somebody else"}
}
