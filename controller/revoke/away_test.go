package revoke

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// judge is one that is away for as long as fails says so, and then finds every
// connection refused at the other end.
type judge struct {
	mu    sync.Mutex
	fails error
	short bool // it answers, but not to all
	asked int
}

func (j *judge) Judge(_ context.Context, conns []impact.Open) ([]bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked++
	if j.short {
		return make([]bool, len(conns)-1), nil
	}
	return make([]bool, len(conns)), j.fails
}

func (j *judge) becomes(fails error, short bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fails, j.short = fails, short
}

// TestTheJudgeIsAway: what this end refuses is cut all the same; a connection of which
// nobody knows who began it stays until it can be judged, and until then the revision
// is not claimed and the host says why. Then it is cut.
func TestTheJudgeIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := small.New()
		p.Rule("web", "in", secgroup.Ingress, "tcp", 80, "")
		host := &known{snap: policytest.Load(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.Attach("web", "a1"))))}
		tcp := func(zone uint16, port uint16, picked byte) unixctl.Conn {
			return unixctl.Conn{Proto: 6, Zone: zone, Labels: [16]byte{15: picked}, Orig: unixctl.Tuple{Src: small.Address4(99), Dst: small.Address4(int(zone)), SPort: 40000, DPort: port}}
		}
		const pickedUp = 2 // as ofrules.IsPickedUp has it
		tracking := &fakeTracking{conns: []unixctl.Conn{tcp(1, 80, pickedUp), tcp(1, 81, 0)}}
		report, away := &said{}, &judge{fails: errors.New("no relay is reached")}
		s := tracking.sweeper(host, away, report)
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() { _ = s.Run(ctx) })
		expect := func(what string, rev int64, judged bool, left ...uint16) {
			t.Helper()
			synctest.Wait()
			stands, problem := report.last()
			if got := tracking.left(); !slices.Equal(got, left) || stands.Whole.Rev != rev || (problem == nil) != judged {
				t.Errorf("%s: connections in zones %v, revision %d, problem %v", what, got, stands.Whole.Rev, problem)
			}
		}
		s.Expect(Work{Lost: LostNICs("a1", "a2")})
		s.Add(Job{Rev: 7, NICs: inZones{"a1", "a2"}})
		expect("it is away", 0, false, 1)
		away.becomes(nil, true)
		time.Sleep(3 * judgeRetry)
		expect("it does not answer to all", 0, false, 1)
		if away.asked < 3 {
			t.Errorf("it was asked %d times", away.asked)
		}
		away.becomes(nil, false)
		time.Sleep(2 * judgeRetry)
		expect("it is there", 7, true)
		cancel()
		work.Wait()
	})
}
