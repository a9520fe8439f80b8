package ofrules

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofsim"
	"github.com/ringfence/ringfence/secgroup"
)

// crowd is a policy in which a few addresses are in very many groups that rules
// name, so that most of their labels are in composites.
type crowd struct {
	*rand.Rand
	history
	remotes []*secgroup.NIC
}

const (
	crowdGroups = 9
	crowdMark   = 100 // the port of group 0's rule
)

func newCrowd(seed uint64, bits uint) *crowd {
	c := &crowd{Rand: rand.New(rand.NewPCG(seed, 2))}
	c.history = history{
		bits: bits, installed: map[of.FlowKey]of.Flow{}, late: map[of.FlowKey]of.Flow{},
		ports: map[string]Port{"local": {OFPort: 10, Zone: 1}}, uplink: 1,
	}
	changes := []secgroup.Change{
		secgroup.Put(&secgroup.Network{ID: "net", RoutingDomain: "d"}),
		secgroup.Put(&secgroup.Group{GroupRef: crowdRef("default"), IsDefault: true}),
		secgroup.Put(c.nic("local", 1)),
		secgroup.Put(&secgroup.Attachment{Group: crowdRef("db"), NIC: "local"}),
		secgroup.Put(c.db()),
	}
	for g := range crowdGroups {
		changes = append(changes, secgroup.Put(&secgroup.Group{GroupRef: crowdRef(fmt.Sprint("g", g))}))
	}
	for i := range 4 {
		n := c.nic(fmt.Sprint("r", i), byte(10+i))
		if i == 3 { // one address of two NICs: their labels add up
			n.AllowedAddresses = []netip.Prefix{host(netip.AddrFrom4([4]byte{10, 0, 0, 10}))}
		}
		c.remotes = append(c.remotes, n)
		changes = append(changes, secgroup.Put(n))
	}
	c.snapshot, _ = secgroup.NewSnapshot().With(1, changes)
	c.compiler = follow(c.snapshot, newCompiler(bits))
	return c
}

func crowdRef(id string) secgroup.GroupRef { return secgroup.GroupRef{Account: "a", ID: id} }

func (c *crowd) nic(id string, last byte) *secgroup.NIC {
	return &secgroup.NIC{
		ID: id, Account: "a", Network: "net", MAC: secgroup.MAC{2, 5: last}, Enforcement: secgroup.EnforcementOn,
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, last})},
	}
}

// db is the group of the local NIC: most groups are named by a rule, in one
// direction or the other, with a port of their own.
func (c *crowd) db() *secgroup.Group {
	db := &secgroup.Group{GroupRef: crowdRef("db"), EgressPolicy: secgroup.EgressListed}
	for g := range crowdGroups {
		if c.IntN(10) == 0 {
			continue
		}
		r := secgroup.Rule{
			ID: fmt.Sprint("r", g), Direction: secgroup.Ingress, Family: secgroup.FamilyAny, Protocol: secgroup.ProtocolTCP,
			PortMin: uint16(crowdMark + g), RemoteGroup: crowdRef(fmt.Sprint("g", g)), Enabled: true,
		}
		if c.IntN(5) == 0 {
			r.Direction = secgroup.Egress
		}
		db.Rules = append(db.Rules, r)
	}
	return db
}

func (c *crowd) step() secgroup.Change {
	if c.IntN(6) == 0 {
		return secgroup.Put(c.db())
	}
	a := secgroup.Attachment{Group: crowdRef(fmt.Sprint("g", c.IntN(crowdGroups))), NIC: c.remotes[c.IntN(len(c.remotes))].ID}
	if c.snapshot.HasAttachment(a) && c.IntN(3) > 0 {
		return secgroup.Delete(a.Key())
	}
	return secgroup.Put(&a)
}

// TestCrowdedAddresses: however addresses come to be in many groups and leave
// them, the flows are those of a compile from scratch, and the local NIC is
// reached through the rules of exactly the groups that the address is in.
func TestCrowdedAddresses(t *testing.T) {
	t.Parallel()
	composites := 0
	for seed := range uint64(8) {
		for _, bits := range []uint{32, 8} { // 8: names collide all the time
			c := newCrowd(seed, bits)
			c.install(t, c.compiler.Update(c.host()))
			for i := range 120 {
				var touched secgroup.Touched
				c.snapshot, touched = c.snapshot.With(int64(i+2), []secgroup.Change{c.step()})
				c.compiler.Apply(c.snapshot, touched)
				c.install(t, c.compiler.Update(c.host()))
				if i%7 != 0 {
					continue
				}
				if fault := c.fault(); fault != "" {
					t.Fatalf("seed %d, %d bits, step %d: %s", seed, bits, i, fault)
				}
				c.reach(t)
				composites += len(c.compiler.shared.addrs.composites[dirIngress])
			}
		}
	}
	if composites < 200 {
		t.Errorf("only %d composites seen: too tame to prove anything", composites)
	}
}

// reach tries every address with every rule's port.
func (c *crowd) reach(t *testing.T) {
	t.Helper()
	sim := ofsim.New(c.compiler.Flows())
	for _, r := range c.remotes {
		for g := range crowdGroups {
			p, err := ofsim.NewPacket(of.InPort.Is(1), of.EthDst.IsMAC(c.nic("local", 1).MAC), of.EthType.Is(of.EthTypeIPv4),
				of.IPv4Src.IsAddr(r.Addresses[0]), of.IPProto.Is(of.ProtoTCP), of.TCPDst.Is(uint64(crowdMark+g)), of.TCPFlags.Is(of.TCPSyn))
			if err != nil {
				t.Fatal(err)
			}
			way, err := sim.Run(p, ofsim.Options{})
			if err != nil {
				t.Fatal(err)
			}
			want := false
			for _, rule := range c.snapshot.Group(crowdRef("db")).Rules {
				want = want || rule.Direction == secgroup.Ingress && int(rule.PortMin) == crowdMark+g && c.snapshot.IsMember(rule.RemoteGroup, "d", r.Addresses[0])
			}
			if got := len(way.Outputs) == 1; got != want {
				t.Fatalf("%s reaches port %d: %v, want %v\n%v", r.ID, crowdMark+g, got, want, way)
			}
		}
	}
}
