package e2e

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/lab"
	"github.com/ringfence/ringfence/internal/matrix"
	"github.com/ringfence/ringfence/internal/netns"
	"github.com/ringfence/ringfence/internal/traffic"
)

// An attack is what the root of one VM, eve@h1, puts on the wire, and who sees
// it. There is an "open" VM that lets everything in and a "shut" VM that lets
// in UDP and TCP port 53 from eve's group, each on eve's host and on another,
// a second eve on the other host, and a machine outside.
type attack struct {
	name string
	// frames makes the frames from eve to a target; each has its mark in it.
	frames func(w wire) [][]byte
	// group: one shot, not one for each target; frames sets the destination.
	group bool
	// seen lists who sees all of it, of "open shut eve out". The others see
	// nothing of it. If it is empty not even the fabric does.
	seen string
	// part: it is enough that the frames arrive of which this is true.
	part func(i int) bool
	// may: those of which this is true may arrive, too.
	may func(i int) bool
	// arrive: what is seen instead of the frames, one for each.
	arrive func(w wire) [][]byte
	// kernel says what is otherwise on the kernel datapath, with the reason
	// beside it.
	kernel func(a *attack)
}

// scene is the stage of the attacks.
type scene struct {
	*tenant
	out *matrix.Party
}

func newScene(t *testing.T, dc *datacentre) *scene {
	t.Helper()
	s := &scene{tenant: dc.newTenant(t)}
	s.play("eve", "open", "shut")
	s.out = s.machineOutside("out", 200)
	none := false
	for role, rules := range map[string][]string{
		"eve": nil, "open": {"ingress all from any"}, "shut": {"ingress udp 53 from eve", "ingress tcp 53 from eve"},
	} {
		s.group(role, func(g *client.GroupSpec) { g.DefaultRules = &none })
		for i, r := range rules {
			defer s.rule(role, fmt.Sprint("r", i), r) // when all groups are there
		}
		s.join(role, role)
	}
	eve := s.nicSpec("eve", "h1")
	eve.AllowedAddresses = []string{"10.0.0.96/28", "fd00:0:0:0:a::/80"}
	s.putNIC("eve", "h1", eve)
	return s
}

// machineOutside is a machine behind the fabric, with a MAC like the VMs'.
func (n *tenant) machineOutside(name string, octet int) *matrix.Party {
	n.t.Helper()
	node, err := n.dc.lab.Outside(n.t.Context(), n.vlan, lab.NodeSpec{
		Name: name, MAC: fmt.Sprintf("%s:%02x", n.macs, octet),
		Addresses: prefixes(n.t, fmt.Sprintf("10.0.0.%d/24", octet), fmt.Sprintf("fd00::%d/64", octet)),
	})
	if err != nil {
		n.t.Fatal(err)
	}
	p := newParty(n.t, name, "", node)
	n.parties = append(n.parties, p)
	return p
}

// sender writes frames as they are.
type sender struct {
	conn *packet.Conn
}

func newSender(t *testing.T, n *lab.Node) *sender {
	t.Helper()
	c, err := netns.Open(n.NS, func() (*packet.Conn, error) {
		ifi, err := net.InterfaceByName(lab.Device)
		if err != nil {
			return nil, err
		}
		return packet.Listen(ifi, packet.Raw, unix.ETH_P_IP, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // nothing is lost with it
	return &sender{c}
}

func (s *sender) send(t *testing.T, frames ...[]byte) {
	t.Helper()
	for _, f := range frames {
		if _, err := s.conn.WriteTo(f, &packet.Addr{HardwareAddr: net.HardwareAddr(f[:6])}); err != nil {
			t.Errorf("send %d bytes: %v", len(f), err)
		}
	}
}

// pace is the time between two shots: the switch reads a device through a
// socket, whose buffer holds some eighty frames.
const pace = 4 * time.Millisecond

// shot is an attack on one target, with what was sent.
type shot struct {
	attack
	target *matrix.Party // nil for a group
	mark   []byte
	sent   [][]byte
	want   [][]byte // as it arrives
}

// perform performs the attacks one after the other and then looks what came of
// them, each as a test of its own.
func (s *scene) perform(attacks []attack) {
	s.t.Helper()
	eve := s.party("eve@h1")
	from := newSender(s.t, eve.Node)
	begin := time.Now()
	var shots []*shot
	shoot := func(a attack, to *matrix.Party) {
		w := newWire(eve, to, s.vlan)
		sh := &shot{attack: a, target: to, mark: w.mark, sent: a.frames(w)}
		sh.want = sh.sent
		if a.arrive != nil {
			sh.want = a.arrive(w)
		}
		from.send(s.t, sh.sent...)
		time.Sleep(pace)
		shots = append(shots, sh)
	}
	for _, a := range attacks {
		a = otherwise(a)
		if a.group {
			shoot(a, nil)
			continue
		}
		for _, p := range s.parties {
			if p != eve {
				shoot(a, p)
			}
		}
	}
	// Once what must arrive has, what must not has had its time too. A busy
	// machine loses frames: those are sent again.
	late := slices.Clone(shots)
	for begun := time.Now(); len(late) > 0 && time.Since(begun) < longest; {
		for deadline := time.Now().Add(time.Second); len(late) > 0 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			late = slices.DeleteFunc(late, func(sh *shot) bool { return len(s.missing(sh, begin)) == 0 })
		}
		for _, sh := range late {
			from.send(s.t, sh.sent...)
			time.Sleep(pace)
		}
	}
	time.Sleep(inFlight)
	for i, a := range attacks {
		if i > 0 && attacks[i-1].name == a.name {
			s.t.Fatalf("two cases are called %q", a.name)
		}
		s.t.Run(a.name, func(t *testing.T) {
			for _, sh := range shots {
				if sh.name != a.name {
					continue
				}
				for _, fault := range append(s.missing(sh, begin), s.leaked(sh, begin)...) {
					t.Error(fault)
				}
			}
		})
	}
}

func (sh *shot) sees(p *matrix.Party) bool {
	return (sh.target == nil || sh.target == p) && slices.Contains(strings.Fields(sh.seen), p.Role)
}

func (sh *shot) to() string {
	if sh.target == nil {
		return "the group"
	}
	return sh.target.Name()
}

// wanted are the frames that who sees the shot sees of it.
func (sh *shot) wanted() [][]byte {
	return sh.those(func(i int) bool { return sh.part == nil || sh.part(i) })
}

// allowed are those that may be seen.
func (sh *shot) allowed() [][]byte {
	return sh.those(func(i int) bool { return sh.part(i) || sh.may != nil && sh.may(i) })
}

func (sh *shot) those(which func(i int) bool) [][]byte {
	var frames [][]byte
	for i, f := range sh.want {
		if which(i) {
			frames = append(frames, f)
		}
	}
	return asSeen(frames)
}

// missing are the frames that did not get to who must see them.
func (s *scene) missing(sh *shot, begin time.Time) (faults []string) {
	wanted := sh.wanted()
	for _, p := range s.parties {
		if !sh.sees(p) || p.Name() == "eve@h1" {
			continue
		}
		got := framesOf(s.arrived(sh, p, begin))
		for i, f := range wanted {
			if !anyIs(got, f) {
				faults = append(faults, fmt.Sprintf("to %s: frame %d of %d did not reach %s (%d others did)", sh.to(), i+1, len(wanted), p.Name(), len(got)))
			}
		}
	}
	return faults
}

// leaked are the frames seen by who must not see them. What leaves the host
// may be flooded by the fabric, so that "out" may see what is for others. And
// "open" lets in everything: where a busy machine has lost the piece before, the
// rest of a shot may be a datagram, too.
func (s *scene) leaked(sh *shot, begin time.Time) (faults []string) {
	for _, p := range s.parties {
		if sh.sees(p) && (sh.part == nil || p.Role == "open") || p.Name() == "eve@h1" || p.Role == "out" && sh.seen != "" {
			continue
		}
		got := s.arrived(sh, p, begin)
		if !sh.sees(p) {
			for _, q := range got {
				faults = append(faults, fmt.Sprintf("to %s: was seen by %s: %s", sh.to(), p.Name(), q.String()))
			}
			continue
		}
		for _, f := range framesOf(got) {
			if !slices.ContainsFunc(sh.allowed(), func(w []byte) bool { return bytes.HasPrefix(f, w) }) {
				faults = append(faults, fmt.Sprintf("to %s: too much was seen by %s: %x", sh.to(), p.Name(), f[:min(len(f), 80)]))
			}
		}
	}
	return faults
}

func framesOf(packets []traffic.Packet) [][]byte {
	var frames [][]byte
	for _, q := range packets {
		frames = append(frames, q.Frame)
	}
	return asSeen(frames)
}

// anyIs reports whether one of the frames is the one given, but for padding.
func anyIs(frames [][]byte, f []byte) bool {
	return slices.ContainsFunc(frames, func(g []byte) bool { return bytes.HasPrefix(g, f) })
}

// arrived are the frames of the shot itself that a party received: answers to
// it, which may quote it, have another source.
func (s *scene) arrived(sh *shot, p *matrix.Party, begin time.Time) []traffic.Packet {
	return p.Capture.Find(begin, func(q *traffic.Packet) bool {
		return !q.Out && bytes.Contains(q.Frame, sh.mark) && bytes.Equal(q.Frame[6:12], sh.sent[0][6:12])
	})
}

// TestGuard plays the attacks in one data centre.
func TestGuard(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t, fmt.Sprint("--nic-connections=", floodLimit))
	t.Run("attacks", func(t *testing.T) {
		for name, attacks := range map[string][]attack{
			"fragments": fragmentAttacks, "spoofing": spoofAttacks, "frames": frameAttacks, "headers": headerAttacks,
			"broadcast": broadcastAttacks, "ICMP": icmpAttacks,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				newScene(t, dc).perform(attacks)
			})
		}
		t.Run("left fragments", func(t *testing.T) {
			t.Parallel()
			testLeftFragments(t, dc)
		})
	})
	t.Run("networks", func(t *testing.T) {
		for name, test := range map[string]func(t *testing.T, dc *datacentre){
			"router outside":  func(t *testing.T, dc *datacentre) { testRouted(t, dc, routerOutside) },
			"router VM":       func(t *testing.T, dc *datacentre) { testRouted(t, dc, routerVM) },
			"gateway":         testGateway,
			"DHCP":            testDHCP,
			"baseline":        testBaseline,
			"overlap":         testOverlap,
			"errors":          testErrors,
			"enforcement off": testEnforcementOff,
			"no addresses":    testNoAddresses,
			"DHCP server":     testDHCPServer,
			"types":           testTypes,
			"tap made anew":   testTapMadeAnew,
			"own link-local":  testOwnLinkLocal,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, dc)
			})
		}
	})
	t.Run("flood", func(t *testing.T) { testFlood(t, dc) })
}
