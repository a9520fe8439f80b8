package plan

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/secgroup"
)

// town is a policy of one account with two groups and two NICs, made by plans.
type town struct {
	t   *testing.T
	s   *secgroup.Snapshot
	req Request
}

func newTown(t *testing.T) *town {
	t.Helper()
	serial := 0
	w := &town{t, secgroup.NewSnapshot(), Request{
		Now: time.Unix(1000, 0), CreateAccount: true,
		NewID: func() string { serial++; return fmt.Sprintf("id%d", serial) },
	}}
	no := false
	w.do(PutNetwork(w.s, &w.req, secgroup.Network{ID: "net", Type: secgroup.NetworkFlat}))
	for i, n := range []string{"n1", "n2"} {
		w.do(PutNIC(w.s, &w.req, secgroup.NIC{ID: n, Account: "acme", Network: "net", MAC: secgroup.MAC{2, byte(i)},
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + i)})}}))
	}
	for _, g := range []string{"web", "db"} {
		w.do(PutGroup(w.s, &w.req, ref(g), GroupSpec{Name: g, DefaultRules: &no}))
	}
	w.req.Now = time.Unix(2000, 0)
	return w
}

func ref(id string) secgroup.GroupRef { return secgroup.GroupRef{Account: "acme", ID: id} }

// do applies a plan, which must succeed, as the store would.
func (w *town) do(r Result, err error) Result {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	rev := w.s.Revision() + 1
	for _, c := range r.Changes {
		switch o := c.Object.(type) {
		case *secgroup.Group:
			o.Revision = rev
			for i := range o.Rules {
				if o.Rules[i].Revision == 0 {
					o.Rules[i].Revision = rev
				}
			}
		case *secgroup.NIC:
			o.Revision = rev
		}
	}
	w.s, _ = w.s.With(rev, r.Changes)
	return r
}

// keys names what a plan changes, "-" before what it deletes.
func keys(r Result) []string {
	var out []string
	for _, c := range r.Changes {
		name := c.Key.Kind.String() + " " + c.Key.ID
		if end := c.Key.NIC + c.Key.Instance; end != "" {
			name += " to " + end
		}
		if c.Object == nil {
			name = "-" + name
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func tcp(id string, port uint16, remote string) secgroup.Rule {
	r := secgroup.Rule{ID: id, Direction: secgroup.Ingress, Protocol: secgroup.ProtocolTCP, PortMin: port, Enabled: true}
	if remote != "" {
		r.RemoteGroup = ref(remote)
	}
	return r
}

func TestPlansChangeWhatTheyMust(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*town)
		plan    func(w *town) (Result, error)
		want    []string
	}{
		"an account comes with its default group": {
			plan: func(w *town) (Result, error) { return PutAccount(w.s, &w.req, "new", AccountSpec{}) },
			want: []string{"account new", "security-group default"},
		},
		"an account is made on first use": {
			plan: func(w *town) (Result, error) {
				return PutInstance(w.s, &w.req, secgroup.InstanceRef{Account: "new", ID: "vm"}, "")
			},
			want: []string{"account new", "instance vm", "security-group default"},
		},
		"a rule is a change of its group": {
			plan: func(w *town) (Result, error) { return CreateRule(w.s, &w.req, ref("web"), tcp("", 80, "")) },
			want: []string{"security-group web"},
		},
		"an attachment is a key of its own": {
			plan: func(w *town) (Result, error) { return Attach(w.s, &w.req, "acme", Target{NIC: "n1"}, "web") },
			want: []string{"attachment web to n1"},
		},
		"a whole list changes what differs": {
			prepare: func(w *town) {
				w.do(SetGroups(w.s, &w.req, "acme", Target{NIC: "n1"}, "", []string{"web", "default"}))
			},
			plan: func(w *town) (Result, error) {
				return SetGroups(w.s, &w.req, "acme", Target{NIC: "n1"}, "", []string{"db", "default"})
			},
			want: []string{"-attachment web to n1", "attachment db to n1"},
		},
		"a NIC takes its attachments along": {
			prepare: func(w *town) { w.do(Attach(w.s, &w.req, "acme", Target{NIC: "n1"}, "web")) },
			plan:    func(w *town) (Result, error) { return DeleteNIC(w.s, &w.req, "n1") },
			want:    []string{"-attachment web to n1", "-nic n1"},
		},
		"a cascade takes attachments and rules along": {
			prepare: func(w *town) {
				w.do(Attach(w.s, &w.req, "acme", Target{NIC: "n1"}, "web"))
				w.do(PutRule(w.s, &w.req, ref("db"), tcp("r", 80, "web")))
				w.do(PutRule(w.s, &w.req, ref("web"), tcp("own", 80, "web")))
			},
			plan: func(w *town) (Result, error) { return DeleteGroup(w.s, &w.req, ref("web"), Cascade{true, true}) },
			want: []string{"-attachment web to n1", "-security-group web", "security-group db"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t)
			if test.prepare != nil {
				test.prepare(w)
			}
			if diff := cmp.Diff(test.want, keys(w.do(test.plan(w)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Times and revisions tell what a write touched: a rule that stays as it was
// keeps its revision, and a changed object the time it was made.
func TestTimesAndRevisions(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.do(PutRule(w.s, &w.req, ref("web"), tcp("a", 80, "")))
	first := w.s.Group(ref("web")).Rule("a").Revision
	r := w.do(PutRules(w.s, &w.req, ref("web"), RuleSet{Rules: []secgroup.Rule{tcp("a", 80, ""), tcp("b", 81, "")}}))
	g := w.s.Group(ref("web"))
	if g.Rule("a").Revision != first || g.Rule("b").Revision != g.Revision || len(r.Changes) != 1 {
		t.Errorf("rule a was of revision %d: %+v", first, g)
	}
	if !g.CreatedAt.Equal(time.Unix(1000, 0)) || !g.UpdatedAt.Equal(time.Unix(2000, 0)) {
		t.Errorf("made %v, changed %v", g.CreatedAt, g.UpdatedAt)
	}
	set := RuleSet{Rules: []secgroup.Rule{tcp("a", 80, ""), tcp("b", 82, "")}}
	w.do(PutRules(w.s, &w.req, ref("web"), set))
	if g := w.s.Group(ref("web")); g.Rule("a").Revision != first || g.Rule("b").Revision != g.Revision {
		t.Errorf("rule b changed, rule a did not: %+v", g.Rules)
	}
}

func TestEveryFaultIsFound(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.req.Faults = secgroup.Faults{{Pointer: "/rules/0/port_min", Code: "out-of-range", Detail: "of decoding"}}
	bad := tcp("x", 0, "ghost")
	bad.PortMax = 9
	_, err := PutGroup(w.s, &w.req, ref("new"), GroupSpec{EgressPolicy: "closed", Networks: []string{"ghost"},
		Rules: &RuleSet{At: "/rules", Rules: []secgroup.Rule{bad}}})
	var faults secgroup.Faults
	if !errors.As(err, &faults) {
		t.Fatal(err)
	}
	var got []string
	for _, f := range faults {
		got = append(got, f.Pointer+" "+f.Code)
	}
	slices.Sort(got)
	want := []string{"/egress_policy invalid-value", "/name invalid-value", "/networks/0 invalid-value",
		"/rules/0/port_min out-of-range", "/rules/0/remote_group remote-group-not-found"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
