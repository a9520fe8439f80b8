package policing

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/ovsdb"
)

// host is a database of interfaces and a kernel, and the time there.
type host struct {
	t       *testing.T
	keeper  *Keeper
	bridge  ovsdb.Bridge
	now     time.Time
	is      map[string]ovsdb.Interface
	kernel  map[uint32]ovsdb.Policing // by device
	refuses bool                      // the kernel does
	writes  int
	asked   int
	broken  error // the database's
	problem error
}

func newHost(t *testing.T, limit ovsdb.Policing) *host {
	t.Helper()
	h := &host{t: t, now: time.Now(), bridge: ovsdb.Bridge{Exists: true, DatapathType: "system"}, is: map[string]ovsdb.Interface{}, kernel: map[uint32]ovsdb.Policing{}}
	h.keeper = NewKeeper(Config{
		Limit: limit,
		Write: func(_ context.Context, to map[string]ovsdb.Policed) error {
			h.writes++
			if h.broken != nil {
				return h.broken
			}
			for name, p := range to {
				i := h.is[name]
				i.Policing, i.ExternalIDs = p.Policing, map[string]string{}
				if p.Mark != "" {
					i.ExternalIDs[Key] = p.Mark
				}
				h.set(i)
			}
			return nil
		},
		Polices: func(devices []uint32, limit ovsdb.Policing) (map[uint32]bool, error) {
			h.asked++
			held := map[uint32]bool{}
			for _, d := range devices {
				held[d] = h.kernel[d] == limit
			}
			return held, nil
		},
	})
	return h
}

// set has the database say what an interface is, and ovs-vswitchd tell the kernel.
func (h *host) set(i ovsdb.Interface) {
	h.is[i.Name] = i
	if !h.refuses {
		h.kernel[i.IfIndex] = i.Policing
	}
	h.keeper.See(ovsdb.Change{Bridge: h.bridge, Set: []ovsdb.Interface{i}})
}

// pass has the keeper do what is due within a time.
func (h *host) pass(d time.Duration) {
	h.t.Helper()
	for end := h.now.Add(d); ; {
		next, err := h.keeper.step(h.t.Context(), h.now)
		h.problem = err
		if next.IsZero() || next.After(end) {
			h.now = end
			return
		}
		if next.After(h.now) {
			h.now = next
		}
	}
}

// expect compares how interfaces are policed, as "rate/burst" and the mark.
func (h *host) expect(want map[string]string, writes int) {
	h.t.Helper()
	got := map[string]string{}
	for name, i := range h.is {
		got[name] = markOf(i.Policing) + " " + i.ExternalIDs[Key]
	}
	if d := cmp.Diff(want, got); d != "" {
		h.t.Error(d)
	}
	if h.writes != writes {
		h.t.Errorf("%d writes, want %d", h.writes, writes)
	}
}

func (h *host) expectProblem(parts ...string) {
	h.t.Helper()
	if len(parts) == 0 && h.problem != nil {
		h.t.Errorf("problem: %v", h.problem)
	}
	for _, part := range parts {
		if h.problem == nil || !strings.Contains(h.problem.Error(), part) {
			h.t.Errorf("problem %v does not say %q", h.problem, part)
		}
	}
}

func nic(name string, device uint32) ovsdb.Interface {
	return ovsdb.Interface{UUID: ovsdb.UUID(name), Name: name, IfaceID: "nic-" + name, IfIndex: device}
}

var limit = ovsdb.Policing{Rate: 20, Burst: 16}

func TestLimitIsKept(t *testing.T) {
	t.Parallel()
	h := newHost(t, limit)
	h.set(nic("a", 1))
	h.set(nic("b", 2))
	h.set(ovsdb.Interface{UUID: "up", Name: "up", IfIndex: 3}) // no NIC's
	h.pass(time.Second)
	h.expect(map[string]string{"a": "20/16 20/16", "b": "20/16 20/16", "up": "0/0 "}, 1)
	h.expectProblem()

	// Somebody else has another policing set again and again.
	for range 4 {
		i := h.is["a"]
		i.Policing = ovsdb.Policing{Rate: 1}
		h.set(i)
		h.pass(2 * time.Second)
	}
	h.pass(writeAgain)
	h.expect(map[string]string{"a": "20/16 20/16", "b": "20/16 20/16", "up": "0/0 "}, 3)
	asked := h.asked
	h.pass(time.Hour)
	if h.asked != asked {
		t.Errorf("the kernel was asked %d times in an hour in which nothing happened", h.asked-asked)
	}
}

func TestNoLimitLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	h := newHost(t, ovsdb.Policing{})
	theirs, ours, changed := nic("theirs", 1), nic("ours", 2), nic("changed", 3)
	theirs.Policing = ovsdb.Policing{Rate: 5, Burst: 1}
	ours.Policing, ours.ExternalIDs = limit, map[string]string{Key: "20/16"}
	changed.Policing, changed.ExternalIDs = ovsdb.Policing{Rate: 7}, map[string]string{Key: "20/16"}
	for _, i := range []ovsdb.Interface{theirs, ours, changed, nic("none", 4)} {
		h.set(i)
	}
	h.pass(time.Minute)
	h.expect(map[string]string{"theirs": "5/1 ", "ours": "0/0 ", "changed": "7/0 ", "none": "0/0 "}, 1)
	h.expectProblem()
	if len(h.keeper.rows) != 0 {
		t.Errorf("%d interfaces are remembered without need", len(h.keeper.rows))
	}
}

func TestInterfaceThatIsNoNICAnyMore(t *testing.T) {
	t.Parallel()
	h := newHost(t, limit)
	h.set(nic("a", 1))
	h.pass(time.Minute)
	i := h.is["a"]
	i.IfaceID = ""
	h.set(i)
	h.pass(time.Minute)
	h.expect(map[string]string{"a": "0/0 "}, 2)
}

func TestWhatTheKernelRefuses(t *testing.T) {
	t.Parallel()
	h := newHost(t, limit)
	h.refuses = true
	for device, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		h.set(nic(name, uint32(device+1)))
	}
	h.pass(patience / 2)
	h.expectProblem() // ovs-vswitchd has a moment
	h.pass(patience)
	h.expectProblem("does not police a, b, c, d, e and 2 more", "act_police")
	h.pass(time.Hour)
	if h.writes != 1 {
		t.Errorf("the database was written %d times", h.writes)
	}
	if most := int(time.Hour/askRefused) + 20; h.asked > most {
		t.Errorf("the kernel was asked %d times in an hour, want %d at most", h.asked, most)
	}
	h.expectProblem("does not police")

	h.refuses = false // its modules were loaded, and ovs-vswitchd tries again with the next change
	for name := range h.is {
		h.kernel[h.is[name].IfIndex] = limit
	}
	h.pass(askRefused)
	h.pass(0)
	h.expectProblem()
}

func TestDeviceMadeAnew(t *testing.T) {
	t.Parallel()
	h := newHost(t, limit)
	h.set(nic("a", 1))
	h.pass(time.Minute)
	h.refuses = true
	i := h.is["a"]
	i.IfIndex = 2
	h.set(i)
	h.pass(time.Minute)
	h.expectProblem("does not police a:")
	h.keeper.See(ovsdb.Change{Bridge: h.bridge, Gone: []ovsdb.Interface{i}})
	h.pass(0)
	h.expectProblem()
}

func TestUserspaceDatapath(t *testing.T) {
	t.Parallel()
	h := newHost(t, limit)
	h.bridge.DatapathType = "netdev"
	ours := nic("ours", 2)
	ours.Policing, ours.ExternalIDs = limit, map[string]string{Key: "20/16"}
	h.set(nic("a", 1))
	h.set(ours)
	h.pass(time.Minute)
	h.expect(map[string]string{"a": "0/0 ", "ours": "0/0 "}, 1)
	h.expectProblem("netdev datapath")

	h.bridge.DatapathType = "system" // the bridge was made anew
	h.set(nic("b", 3))
	h.set(h.is["a"])
	h.pass(time.Minute)
	h.expectProblem()
	if h.is["b"].Policing != limit || h.is["a"].Policing != limit {
		t.Errorf("policed %v", h.is)
	}
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	h := newHost(t, limit)
	h.broken = errors.New("no database")
	h.set(nic("a", 1))
	h.pass(time.Second)
	h.expectProblem("no database")
	h.broken = nil
	h.pass(2 * writeAgain)
	h.expect(map[string]string{"a": "20/16 20/16"}, 2)
	h.pass(0)
	h.expectProblem()
}

// TestNetlink asks the kernel about devices that nothing polices.
func TestNetlink(t *testing.T) {
	t.Parallel()
	k := Kernel{Process: func() (string, error) { return "/proc/self", nil }}
	held, err := k.Polices([]uint32{1}, limit)
	if err != nil || held[1] {
		t.Errorf("held %v, error %v", held, err)
	}
	k.Process = func() (string, error) { return "/proc/none", nil }
	if _, err := k.Polices([]uint32{1}, limit); err == nil {
		t.Error("a namespace that is not there was asked")
	}
}
