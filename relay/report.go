package relay

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/store"
)

// Board takes what a relay says of its hosts, as *store.Store does.
type Board interface {
	// PutHost takes a host's name, and writes its first report.
	PutHost(ctx context.Context, h store.HostStatus) error
	PutHosts(ctx context.Context, hosts []store.HostStatus, leave bool) (lost []string, err error)
	PutRelay(ctx context.Context, r store.RelayStanding) error
	ServeManyAsks(ctx context.Context, of func(host string) (store.Answerer, bool)) error
	SeatFree(ctx context.Context, host string) (bool, error)
	FollowPlugs(ctx context.Context, h store.PlugHandler) error
	PutManyPlugs(ctx context.Context, hosts []store.PlugsOf) []store.PlugsWritten
}

// claim takes the host's seat in the store, so that no other machine has its name at
// another relay. While etcd is away the host is served all the same, and the seat is taken
// later.
func (r *Relay) claim(ctx context.Context, hello *wire.Hello) error {
	if r.cfg.Board == nil {
		return nil
	}
	plugged := map[string]*wire.Plug{}
	for _, one := range hello.GetPlugs().GetPlugged() {
		plugged[one.GetNic()] = one
	}
	if !r.awaitBehindWritten(ctx, hello.GetHost()) {
		return nil
	}
	err := r.cfg.Board.PutHost(ctx, r.report(hello, plugged, nil))
	if errors.Is(err, store.ErrSeatTaken) {
		return &ending{code: codes.AlreadyExists, retryable: true, after: r.cfg.timing.seat, reason: err.Error()}
	}
	if err != nil {
		r.log.Warn("a host's name is not written down; trying again", "host", hello.GetHost(), "error", err)
	}
	return nil
}

// expect notes that a host is about to attach: it counts as behind until it says what is
// in force there.
func (r *Relay) expect(host string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expected[host]++
	if r.sessions[host] == nil {
		r.behind[host] = 0
		r.wakeAll()
	}
}

// came ends expect: the host has attached, or was refused.
func (r *Relay) came(host string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.expected[host]--; r.expected[host] == 0 {
		delete(r.expected, host)
		r.forgetBehind(host)
	}
}

// forgetBehind drops the standing of a host that is not attached, not about to be, and
// whose last report was written. The caller holds mu.
func (r *Relay) forgetBehind(host string) {
	if _, leaving := r.left[host]; !leaving && r.sessions[host] == nil && r.expected[host] == 0 {
		delete(r.behind, host)
	}
}

// awaitBehindWritten waits until the store has been written that a host which is about to
// attach is behind, or the host is attached: with a report that names this relay, and no
// word of that, it would count as being at the relay's revision. It gives up after a while,
// as when etcd is away.
func (r *Relay) awaitBehindWritten(ctx context.Context, host string) bool {
	late := time.NewTimer(behindWrittenWithin)
	defer late.Stop()
	for {
		r.mu.Lock()
		_, told := r.standingWritten.Behind[host]
		told = told || r.sessions[host] != nil
		wrote := r.standingChanged
		r.mu.Unlock()
		if told {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-late.C:
			return false
		case <-wrote:
		}
	}
}

const behindWrittenWithin = 2 * time.Second

// report returns the report of a host that is attached to this relay.
func (r *Relay) report(hello *wire.Hello, plugged map[string]*wire.Plug, st *wire.Status) store.HostStatus {
	h := store.HostStatus{
		Host: hello.GetHost(), Relay: r.cfg.Name, Instance: hello.GetInstance(), Machine: hello.GetMachine(), Version: hello.GetProgram(),
		Flows: int(st.GetFlows()), Errors: st.GetErrors(), Connected: st.GetConnected(), Heartbeat: time.Now(), Begun: st.GetBegun(),
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
	return &wire.Status{Flows: s.GetFlows(), Connected: s.GetConnected(), Errors: s.GetErrors(), Nics: s.GetNics(), Lost: s.GetLost(), Lapsed: s.GetLapsed()}
}

// lastReport is the report of a host that has left.
func (s *session) lastReport() store.HostStatus {
	h := s.relay.report(s.hello, s.plugged, s.status)
	h.Relay, h.Connected, h.Applied = "", false, s.applied()
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

// writeReports writes to the store what it does not have yet: the relay's standing, the
// reports of hosts, and the standing again. The standing comes before reports that name
// this relay, because a host with such a report counts as being at the relay's revision
// unless the standing says otherwise.
func (r *Relay) writeReports(ctx context.Context, said *store.RelayStanding) error {
	dirty, left, loaded := r.takeReports()
	if !loaded {
		return nil
	}
	if err := r.writeStanding(ctx, said); err != nil {
		r.requeue(dirty)
		return err
	}
	if len(dirty) > 0 {
		reports := make([]store.HostStatus, len(dirty))
		for i, d := range dirty {
			reports[i] = d.report
		}
		lost, err := r.cfg.Board.PutHosts(ctx, reports, false)
		if err != nil {
			r.requeue(dirty)
			return err
		}
		if err := r.reclaim(ctx, dirty, lost); err != nil {
			return err
		}
	}
	if len(left) > 0 {
		if _, err := r.cfg.Board.PutHosts(ctx, slices.Collect(maps.Values(left)), true); err != nil {
			return err
		}
		r.forget(left)
	}
	return r.writeStanding(ctx, said)
}

// dirty is a host whose report is to be written.
type dirty struct {
	s      *session
	report store.HostStatus
}

// takeReports returns the reports to be written: of attached hosts, which are not dirty any
// more, and of hosts that have left.
func (r *Relay) takeReports() (all []dirty, left map[string]store.HostStatus, loaded bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.dirty {
		s.reportedAt, s.countsDue = time.Now(), false
		all = append(all, dirty{s, r.report(s.hello, s.plugged, s.status)})
	}
	clear(r.dirty)
	left = maps.Clone(r.left)
	return all, left, r.index != nil
}

// requeue marks hosts dirty again whose reports could not be written.
func (r *Relay) requeue(all []dirty) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range all {
		if r.sessions[d.s.host] == d.s {
			r.dirty[d.s] = struct{}{}
		}
	}
}

// reclaim takes the seats of hosts again that this relay has lost, as its lease ended while
// etcd was away. It ends the sessions of hosts whose seats are another relay's or another
// machine's by now.
func (r *Relay) reclaim(ctx context.Context, all []dirty, lost []string) error {
	for _, d := range all {
		if !slices.Contains(lost, d.s.host) {
			continue
		}
		free, err := r.cfg.Board.SeatFree(ctx, d.s.host)
		if err == nil && free {
			err = r.cfg.Board.PutHost(ctx, d.report)
			free = !errors.Is(err, store.ErrSeatTaken)
		}
		switch {
		case !free && (err == nil || errors.Is(err, store.ErrSeatTaken)):
			d.s.end(&ending{code: codes.Aborted, retryable: true, after: r.cfg.timing.seat, reason: "the host's name is held at another relay"})
		case err != nil:
			r.requeue([]dirty{d})
			return err
		}
	}
	return nil
}

// forget drops hosts that have left once the store has their last reports.
func (r *Relay) forget(left map[string]store.HostStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for host := range left {
		delete(r.left, host)
		r.forgetBehind(host)
	}
}
