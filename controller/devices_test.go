package controller

import (
	"slices"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/ovsdb"
	"github.com/ringfence/ringfence/store"
)

// What is wrong with a device follows what was seen of its row.
func TestDevices(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		read  map[uint32]bool
		steps []ovsdb.Interface
		stale []bool
	}{
		"as it was":                       {nil, []ovsdb.Interface{{UUID: "a", IfIndex: 4}, {UUID: "a", IfIndex: 4, OFPort: 1}}, []bool{false, false}},
		"gone, and made anew":             {map[uint32]bool{}, []ovsdb.Interface{{UUID: "a"}, {UUID: "a", IfIndex: 4}, {UUID: "a"}, {UUID: "a", IfIndex: 7}}, []bool{false, false, true, true}},
		"gone as far as anybody knows":    {nil, []ovsdb.Interface{{UUID: "a", IfIndex: 4}, {UUID: "a"}, {UUID: "a", IfIndex: 7}}, []bool{false, false, true}},
		"the database was restarted":      {map[uint32]bool{4: true}, []ovsdb.Interface{{UUID: "a", IfIndex: 4}, {UUID: "a"}, {UUID: "a", IfIndex: 4}}, []bool{false, false, false}},
		"made anew at once":               {nil, []ovsdb.Interface{{UUID: "a", IfIndex: 4}, {UUID: "a", IfIndex: 7}}, []bool{false, true}},
		"plugged anew":                    {map[uint32]bool{4: true, 7: true}, []ovsdb.Interface{{UUID: "a", IfIndex: 4}, {UUID: "a", IfIndex: 7}, {UUID: "b", IfIndex: 7}}, []bool{false, true, false}},
		"another row, and the old device": {map[uint32]bool{4: true}, []ovsdb.Interface{{UUID: "a", IfIndex: 4}, {UUID: "a", IfIndex: 7}, {UUID: "b"}, {UUID: "b", IfIndex: 7}}, []bool{false, true, false, true}},
		"another row":                     {map[uint32]bool{4: true}, []ovsdb.Interface{{UUID: "a", IfIndex: 4}, {UUID: "b"}, {UUID: "b", IfIndex: 7}}, []bool{false, false, false}},
		"plugged a moment ago":            {map[uint32]bool{}, []ovsdb.Interface{{UUID: "a"}, {UUID: "a", IfIndex: 4}, {UUID: "a", IfIndex: 7}}, []bool{false, false, true}},
		"gone when it was looked at":      {map[uint32]bool{5: true}, []ovsdb.Interface{{UUID: "a", OFPort: 2}, {UUID: "a", IfIndex: 4, OFPort: 2}}, []bool{false, true}},
		"looked at without a database":    {map[uint32]bool{4: true}, []ovsdb.Interface{{UUID: "a", OFPort: 2}, {UUID: "a", IfIndex: 4, OFPort: 2}}, []bool{false, false}},
		"made anew while nobody looked":   {map[uint32]bool{5: true}, []ovsdb.Interface{{UUID: "a", IfIndex: 4}, {UUID: "a", IfIndex: 4, OFPort: 2}}, []bool{true, true}},
		"read":                            {map[uint32]bool{4: true}, []ovsdb.Interface{{UUID: "a", IfIndex: 4}}, []bool{false}},
		"no device of the system":         {map[uint32]bool{}, []ovsdb.Interface{{UUID: "a", Type: "patch", IfIndex: 4}, {UUID: "a", Type: "patch", IfIndex: 7}}, []bool{false, false}},
	} {
		d := devices{read: func() map[uint32]bool { return c.read }}
		d.begin()
		for i, iface := range c.steps {
			if err := d.check("nic", iface); (err != nil) != c.stale[i] {
				t.Errorf("%s, step %d: %v", name, i, err)
			}
			d.end() // the first one is met with all others
		}
	}
}

// A bond is found by the name of its port, and by that of each of its interfaces.
func TestBonds(t *testing.T) {
	t.Parallel()
	c := newClaims()
	touched := map[string]struct{}{}
	c.change(ovsdb.Change{Set: []ovsdb.Interface{
		{Name: "eth0", Port: "bond0", OFPort: 1}, {Name: "eth1", Port: "bond0", OFPort: 2}, {Name: "eth2", Port: "eth2", OFPort: 3}, {Name: "eth4", Port: "trunk", OFPort: 4},
	}}, touched)
	for name, members := range map[string]int{"bond0": 2, "eth0": 2, "eth1": 2, "eth2": 1, "trunk": 1, "eth4": 1, "none": 0} {
		if got := c.members(c.uplink(name).Port); len(got) != members {
			t.Errorf("%s: %q, expected %d", name, got, members)
		}
	}
	c.change(ovsdb.Change{Gone: []ovsdb.Interface{{Name: "eth0", Port: "bond0"}}}, touched)
	if got := c.uplink("bond0"); got.Name != "eth1" || len(c.members("bond0")) != 1 {
		t.Errorf("%+v, %q", got, c.members("bond0"))
	}
}

// TestUplinkThatIsABond: a bond has no ofport, and what a flow sends to one of its
// interfaces does not leave by the others. It is refused, by whichever name.
func TestUplinkThatIsABond(t *testing.T) {
	for _, name := range []string{"bond0", "eth8"} {
		t.Run(name, func(t *testing.T) {
			r, p := newRig(t), small.New()
			r.uplink = name
			r.ovs.Vsctl(strings.Fields("add-bond " + bridge + " bond0 eth8 eth9 -- set interface eth8 type=dummy -- set interface eth9 type=dummy")...)
			r.write(p.Base()...)
			r.start()
			refused := "uplink: port bond0 is a bond of eth8, eth9"
			r.status("the bond is refused", func(h store.HostStatus) bool {
				return slices.ContainsFunc(h.Errors, func(e string) bool { return strings.HasPrefix(e, refused) })
			})
			r.ovs.Vsctl("del-port", bridge, "bond0", "--", "add-port", bridge, name, "--", "set", "interface", name, "type=dummy")
			r.status("a port of its own is taken", func(h store.HostStatus) bool { return h.Applied > 0 && len(h.Errors) == 0 })
		})
	}
}
