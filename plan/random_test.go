package plan

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/ringfence/ringfence/secgroup"
)

// caller makes random requests in a small universe, right ones and wrong ones.
type caller struct {
	*rand.Rand
	s      *secgroup.Snapshot
	serial int
}

func (c *caller) request() *Request {
	return &Request{
		Now:           time.Unix(int64(c.serial), 0),
		NewID:         func() string { c.serial++; return fmt.Sprintf("id%d", c.serial) },
		CreateAccount: true, ConfirmEgressOpen: c.IntN(3) > 0,
	}
}

func (c *caller) one(of ...string) string { return of[c.IntN(len(of))] }

func (c *caller) account() string { return c.one("a", "b") }
func (c *caller) group() secgroup.GroupRef {
	return secgroup.GroupRef{Account: c.account(), ID: c.one("g1", "g2", "g3", "default", "ghost")}
}
func (c *caller) network() string { return c.one("net1", "net2", "net3", "ghost") }
func (c *caller) nic() string     { return c.one("n1", "n2", "n3", "n4", "ghost") }

func (c *caller) rule(g secgroup.GroupRef) secgroup.Rule {
	r := secgroup.Rule{
		ID: c.one("r1", "r2", "r3"), Enabled: c.IntN(4) > 0,
		Direction: secgroup.Direction(c.one("ingress", "egress")),
		Protocol:  secgroup.Protocol(c.one("tcp", "all", "ICMP", "47", "nonsense")),
	}
	if r.Protocol == "tcp" {
		r.PortMin = uint16(c.IntN(3))
	}
	if c.IntN(2) == 0 {
		r.RemoteGroup = secgroup.GroupRef{Account: g.Account, ID: c.group().ID}
	}
	if c.IntN(3) == 0 {
		r.RemoteCIDR = netip.MustParsePrefix(c.one("10.0.0.0/8", "10.0.0.1/32", "fd00::/8"))
	}
	return r
}

func (c *caller) rules(g secgroup.GroupRef) RuleSet {
	set := RuleSet{At: "/rules"}
	for range c.IntN(3) {
		r := c.rule(g)
		if c.IntN(2) == 0 {
			r.ID = ""
		}
		set.Rules = append(set.Rules, r)
	}
	return set
}

func (c *caller) spec(g secgroup.GroupRef) GroupSpec {
	spec := GroupSpec{Name: c.one("web", "db", "default", g.ID), EgressPolicy: secgroup.EgressPolicy(c.one("", "auto", "listed", "open"))}
	if c.IntN(2) == 0 {
		spec.Networks = []string{c.network(), c.network()}
	}
	if c.IntN(2) == 0 {
		set := c.rules(g)
		spec.Rules = &set
	}
	if c.IntN(3) == 0 {
		yes := c.IntN(2) == 0
		spec.DefaultRules = &yes
	}
	return spec
}

func (c *caller) target() Target {
	if c.IntN(2) == 0 {
		return Target{NIC: c.nic()}
	}
	return Target{Instance: c.one("vm1", "vm2", "ghost")}
}

// mutation draws a request. It may be carried out again; repeatable says that
// doing so at once changes nothing more.
func (c *caller) mutation() (name string, do func(*Request) (Result, error), repeatable bool) {
	g := c.group()
	switch c.IntN(16) {
	case 0:
		spec := c.spec(g)
		return "create group", func(r *Request) (Result, error) { return CreateGroup(c.s, r, g.Account, spec) }, false
	case 1, 2:
		spec := c.spec(g)
		return "put group", func(r *Request) (Result, error) { return PutGroup(c.s, r, g, spec) }, true
	case 3:
		cascade := Cascade{c.IntN(2) == 0, c.IntN(2) == 0}
		return "delete group", func(r *Request) (Result, error) { return DeleteGroup(c.s, r, g, cascade) }, false
	case 4:
		rule := c.rule(g)
		return "create rule", func(r *Request) (Result, error) { return CreateRule(c.s, r, g, rule) }, true
	case 5:
		rule := c.rule(g)
		return "put rule", func(r *Request) (Result, error) { return PutRule(c.s, r, g, rule) }, true
	case 6:
		set := c.rules(g)
		return "put rules", func(r *Request) (Result, error) { return PutRules(c.s, r, g, set) }, true
	case 7:
		id := c.one("r1", "r2", "id3")
		return "delete rule", func(r *Request) (Result, error) { return DeleteRule(c.s, r, g, id) }, false
	case 8:
		net, add := c.network(), AddGroupNetwork
		if c.IntN(2) == 0 {
			add = RemoveGroupNetwork
		}
		return "scope", func(r *Request) (Result, error) { return add(c.s, r, g, net) }, true
	case 9, 10:
		t, do := c.target(), Attach
		if c.IntN(3) == 0 {
			do = Detach
		}
		return "attach", func(r *Request) (Result, error) { return do(c.s, r, g.Account, t, g.ID) }, true
	case 11:
		t, ids := c.target(), []string{c.group().ID, c.group().ID}
		return "set groups", func(r *Request) (Result, error) { return SetGroups(c.s, r, g.Account, t, "", ids) }, true
	case 12, 13:
		n := secgroup.NIC{ID: c.nic(), Account: c.account(), Network: c.network(), Instance: c.one("", "vm1", "vm2"), MAC: secgroup.MAC{2, byte(c.IntN(6))}}
		for range c.IntN(3) {
			n.Addresses = append(n.Addresses, netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + c.IntN(5))}))
		}
		return "put nic", func(r *Request) (Result, error) { return PutNIC(c.s, r, n) }, true
	case 14:
		if id := c.nic(); c.IntN(2) == 0 {
			return "delete nic", func(r *Request) (Result, error) { return DeleteNIC(c.s, r, id) }, false
		}
		i := secgroup.InstanceRef{Account: g.Account, ID: c.one("vm1", "vm2")}
		if c.IntN(2) == 0 {
			return "delete instance", func(r *Request) (Result, error) { return DeleteInstance(c.s, r, i) }, false
		}
		return "put instance", func(r *Request) (Result, error) { return PutInstance(c.s, r, i, "vm") }, true
	}
	if c.IntN(4) == 0 {
		id := c.network()
		return "delete network", func(r *Request) (Result, error) { return DeleteNetwork(c.s, r, id) }, false
	}
	n := secgroup.Network{ID: c.network(), Type: secgroup.NetworkVPC, VPC: c.one("x", "y"), VLAN: uint16(c.IntN(4)),
		Prefixes: []netip.Prefix{netip.MustParsePrefix(c.one("10.0.0.0/8", "10.0.0.0/16", "11.0.0.0/8"))}}
	return "put network", func(r *Request) (Result, error) { return PutNetwork(c.s, r, n) }, true
}

// Whatever is asked for, in whatever order: the policy keeps the promises of
// docs/semantics.md §1, a request that repeats the last one changes nothing, and a
// refusal is one that the API can answer.
func TestAnyRequestsKeepThePolicySound(t *testing.T) {
	t.Parallel()
	done := map[string]int{}
	for seed := range uint64(60) {
		c := &caller{Rand: rand.New(rand.NewPCG(seed, 5)), s: secgroup.NewSnapshot()}
		for step := range int64(250) {
			name, do, repeatable := c.mutation()
			result, err := do(c.request())
			if err != nil {
				typed(t, name, err)
				continue
			}
			if len(result.Changes) > 0 {
				done[name]++
			}
			c.s, _ = c.s.With(step+1, result.Changes)
			sound(t, c.s)
			if repeatable {
				again, err := do(c.request())
				if err != nil || len(again.Changes) > 0 || again.Created {
					t.Errorf("%s again: %+v, %v", name, again, err)
				}
			}
			if t.Failed() {
				t.Fatalf("seed %d, step %d: %s", seed, step, name)
			}
		}
	}
	for _, name := range []string{"create group", "put group", "delete group", "create rule", "put rule", "put rules", "delete rule",
		"scope", "attach", "set groups", "put nic", "delete nic", "put instance", "delete instance", "put network", "delete network"} {
		if done[name] < 20 {
			t.Errorf("%s was done %d times only: the test shows little", name, done[name])
		}
	}
}

func typed(t *testing.T, name string, err error) {
	t.Helper()
	var faults secgroup.Faults
	var conflict *Conflict
	if !errors.As(err, &faults) && !errors.As(err, &conflict) && !errors.Is(err, ErrNotFound) {
		t.Errorf("%s: %T %v", name, err, err)
	}
	if conflict != nil && (conflict.Code == "" || conflict.Detail == "") {
		t.Errorf("%s: %+v", name, conflict)
	}
}
