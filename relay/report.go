package relay

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/store"
)

// Board takes what a relay says of its hosts, as *store.Store does.
type Board interface {
	// PutHost takes a host's name, and writes its first report.
	PutHost(ctx context.Context, h store.HostStatus) error
	PutHosts(ctx context.Context, hosts []store.HostStatus, leave bool) (lost []string, err error)
	PutRelay(ctx context.Context, r store.RelayStanding) error
	ServeManyAsks(ctx context.Context, of func(host string) (inquiry.Answerer, bool)) error
	SeatFree(ctx context.Context, host string) (bool, error)
	FollowPlugs(ctx context.Context, h store.PlugHandler) error
	PutManyPlugs(ctx context.Context, hosts []store.PlugsOf) []store.PlugsWritten
}

// report returns the report of a host that is attached to this relay.
func (r *Relay) report(hello *wire.Hello, plugged map[string]*wire.Plug, st *wire.Status) store.HostStatus {
	h := store.HostStatus{
		Host: hello.GetHost(), Relay: r.cfg.Name, Instance: hello.GetInstance(), Machine: hello.GetMachine(), Version: hello.GetProgram(),
		Flows: int(st.GetFlows()), Errors: st.GetErrors(), Connected: st.GetConnected(), Heartbeat: time.Now(), Begun: st.GetBegun(), Receipt: st.GetReceipt(),
	}
	if st.GetBegunSince() > 0 {
		h.BegunSince = time.Unix(0, st.GetBegunSince())
	}
	for _, w := range st.GetLost() {
		h.Lost = append(h.Lost, store.Write{Revision: w.GetRevision(), Mark: w.GetMark()})
	}
	if hello.GetStarted() > 0 {
		h.Started = time.Unix(0, hello.GetStarted())
	}
	told := make(map[string]bool, len(st.GetNics()))
	for _, n := range st.GetNics() {
		told[n.GetId()] = true
		h.NICs = append(h.NICs, store.HostNIC{ID: n.GetId(), OFPort: n.GetOfport(), Ready: n.GetReady(), Error: n.GetError(), LinkLocalDropped: n.GetLinkLocalDropped()})
	}
	for nic := range plugged { // NICs that the host's status does not have yet
		if !told[nic] {
			h.NICs = append(h.NICs, store.HostNIC{ID: nic})
		}
	}
	slices.SortFunc(h.NICs, func(a, b store.HostNIC) int { return strings.Compare(a.ID, b.ID) })
	return h
}

// setStatus replaces the host's status, and has it reported: at once, or every countEvery
// if only counters differ.
func (s *session) setStatus(st *wire.Status) {
	r, was := s.relay, s.status
	s.status = st
	s.updateStanding()
	if was != nil && sameButCounts(was, st) {
		if !s.countsDue {
			s.countsDue = true
			time.AfterFunc(countEvery-time.Since(s.reportedAt), func() {
				r.mu.Lock()
				defer r.mu.Unlock()
				s.markDirty()
			})
		}
		return
	}
	s.markDirty()
}

// countEvery is the time between two reports of a host of which only counters differ.
const countEvery = 20 * time.Second

// markDirty has the host reported with the next write.
func (s *session) markDirty() {
	if s.relay.sessions[s.host] == s {
		s.relay.dirty[s] = struct{}{}
		s.relay.wakeAll()
	}
}

func sameButCounts(a, b *wire.Status) bool {
	return proto.Equal(uncounted(a), uncounted(b))
}

// uncounted is a status without its counters.
func uncounted(s *wire.Status) *wire.Status {
	return &wire.Status{Flows: s.GetFlows(), Connected: s.GetConnected(), Errors: s.GetErrors(), Nics: s.GetNics(), Lost: s.GetLost(), Lapsed: s.GetLapsed(), Receipt: s.GetReceipt()}
}

// lastReport is the report of a host that has left.
func (s *session) lastReport() store.HostStatus {
	h := s.relay.report(s.hello, s.plugged, s.status)
	h.Relay, h.Applied = "", s.applied()
	if h.Applied == s.relay.at.revision {
		h.Mark = s.relay.at.mark
	}
	for i := range h.NICs {
		if h.NICs[i].Ready {
			h.NICs[i].Applied = h.Applied
		}
	}
	h.Errors = append(slices.Clone(h.Errors), "no stream to a relay since "+h.Heartbeat.UTC().Format(time.RFC3339))
	return h
}
