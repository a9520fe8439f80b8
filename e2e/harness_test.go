package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/lab"
	"github.com/ringfence/ringfence/internal/matrix"
	"github.com/ringfence/ringfence/internal/traffic"
)

// everything is every kind of question that the matrices ask.
const everything = "tcp/80 udp/53 icmp icmp4/13 ip/47"

// The tools must see what passes and what does not, before anyone trusts
// what they say of Ringfence: these tests program the bridges by hand.

func TestHarnessSeesWhatPasses(t *testing.T) {
	t.Parallel()
	s := newSwitched(t, "a@h1", "b@h1", "c@h2")
	out := s.outside(0, "out", "10.0.0.200/24", "fd00::200/64")
	parties := append(s.parties, out)
	s.flows("actions=NORMAL")
	expectMatrix(t, parties, nil, everything, "* -> *: "+everything)
	s.flows("") // secure: no flow, no packet
	expectMatrix(t, parties, nil, everything, "")
}

func TestHarnessSeesOneWay(t *testing.T) {
	t.Parallel()
	s := newSwitched(t, "a@h1", "b@h2")
	s.flows("priority=2,udp,tp_src=53,actions=drop\npriority=1,actions=NORMAL")
	table := ask(t, s.parties, nil, "udp4/53 icmp4", "* -> *: icmp4")
	wrong := table.Wrong()
	if len(wrong) != 2 || wrong[0].Got != matrix.OneWay || wrong[1].Got != matrix.OneWay {
		t.Errorf("requests that arrive and are not answered were not seen as such:\n%s", table)
	}
}

func TestHarnessKeepsVLANsApart(t *testing.T) {
	t.Parallel()
	s := newSwitched(t, "a@h1", "b@h2", "c@h2")
	five := s.outside(5, "five", "10.0.0.5/24", "fd00::5/64")
	six := s.outside(6, "six", "10.0.0.6/24", "fd00::6/64")
	s.flows("in_port=uplink,dl_vlan=5,actions=strip_vlan,all\nvlan_tci=0,actions=mod_vlan_vid:5,output:uplink")
	expectMatrix(t, []*matrix.Party{s.parties[0], s.parties[1], five, six}, nil, "icmp tcp/80", `
		a -> b: icmp tcp/80
		b -> a: icmp tcp/80
		a -> five: icmp tcp/80
		b -> five: icmp tcp/80
		five -> a: icmp tcp/80
		five -> b: icmp tcp/80`)
}

func TestHarnessMeasuresStreams(t *testing.T) {
	t.Parallel()
	s := newSwitched(t, "a@h1", "b@h2")
	s.flows("actions=NORMAL")
	for _, proto := range []string{"tcp", "udp"} {
		for _, family := range []int{4, 6} {
			st := openStream(t, s.parties[0], s.parties[1], proto, family, 7000, traffic.StreamSpec{})
			opened := time.Now()
			eventually(t, longest, func() error {
				if n, m := st.ToServer.Arrived(), st.ToClient.Arrived(); n < 10 || m < 10 {
					return fmt.Errorf("%s%d: only %d and %d messages arrived", proto, family, n, m)
				}
				return nil
			})
			expectUndisturbed(t, st, s.parties[0], s.parties[1], opened)
		}
	}
	st := openStream(t, s.parties[0], s.parties[1], "udp", 4, 7001, traffic.StreamSpec{SilentClient: true})
	held{Stream: st, client: s.parties[0], server: s.parties[1]}.expectAlive(t)
	s.flows("")
	cut := time.Now()
	time.Sleep(300 * time.Millisecond) // what must not arrive has its time
	expectCut(t, st, s.parties[0], s.parties[1], cut)
	if st.ToServer.Sent() != 0 {
		t.Error("a silent client sent messages")
	}
	if len(st.ToClient.Lost(time.Now().Add(-50*time.Millisecond))) == 0 {
		t.Error("a stream without a path lost nothing")
	}
}

// What left a host before the cut, and waits for the switch of another, is no leak;
// what is sent later is.
func TestHarnessKnowsWhatWaited(t *testing.T) {
	t.Parallel()
	s := newSwitched(t, "a@h1", "b@h2")
	s.flows("actions=NORMAL")
	a, b := s.parties[0], s.parties[1]
	st := openStream(t, a, b, "udp", 4, 7000, traffic.StreamSpec{SilentServer: true})
	opened := time.Now()
	pid := s.lab.Host("h2").VswitchdPID()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	sent := st.ToServer.Sent()
	eventually(t, longest, func() error {
		if n := st.ToServer.Sent() - sent; n < 10 {
			return fmt.Errorf("%d messages wait", n)
		}
		return nil
	})
	if _, err := s.lab.Host("h1").Ofctl(t.Context(), "del-flows", lab.Bridge); err != nil {
		t.Fatal(err)
	}
	if _, err := s.lab.Host("h1").Appctl(t.Context(), "revalidator/wait"); err != nil {
		t.Fatal(err)
	}
	cut := time.Now()
	time.Sleep(2 * inFlight) // that they come too late
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, longest, func() error {
		if len(b.Capture.Find(cut, func(p *traffic.Packet) bool { return !p.Out && st.Match(p) })) == 0 {
			return errors.New("nothing has waited")
		}
		return nil
	})
	expectCut(t, st, a, b, cut)
	if len(lateOnes(st, a, b, opened.Add(-inFlight))) == 0 {
		t.Error("what was sent after an answer is not seen as late")
	}
}

func TestHarnessSeesFlowChanges(t *testing.T) {
	t.Parallel()
	l := newLab(t, "h1")
	h := l.Host("h1")
	add := func(flow string) {
		t.Helper()
		if _, err := h.Ofctl(t.Context(), "add-flow", lab.Bridge, flow); err != nil {
			t.Fatal(err)
		}
	}
	add("cookie=0x77,actions=drop")
	w := watch(t, h)
	add("cookie=0x77,actions=drop") // the same again is a change
	eventually(t, longest, func() error {
		if got := w.Events(); len(got) != 1 || !strings.Contains(got[0].Text, "0x77") {
			return fmt.Errorf("events %v", got)
		}
		return nil
	})
}

func TestHarnessLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	l, err := lab.New(t.Context(), "h1")
	if err != nil {
		t.Fatal(err)
	}
	pid := l.Host("h1").VswitchdPID()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
		t.Errorf("process %d lives on", pid)
	}
}

// switched is a lab whose bridges are programmed by hand.
type switched struct {
	t       *testing.T
	lab     *lab.Lab
	parties []*matrix.Party
}

// newSwitched makes a lab of two hosts with VMs given as "name@host".
func newSwitched(t *testing.T, vms ...string) *switched {
	t.Helper()
	s := &switched{t: t, lab: newLab(t, "h1", "h2")}
	for i, vm := range vms {
		name, host, _ := strings.Cut(vm, "@")
		v, err := s.lab.Host(host).VM("nic-"+name, lab.NodeSpec{
			Name: vm, MAC: fmt.Sprintf("02:00:00:00:00:%02x", i+1),
			Addresses: prefixes(t, fmt.Sprintf("10.0.0.%d/24", i+11), fmt.Sprintf("fd00::%d/64", i+11)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Host.Plug(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		s.parties = append(s.parties, newParty(t, name, host, v.Node))
	}
	return s
}

func (s *switched) outside(vlan uint16, name string, addresses ...string) *matrix.Party {
	s.t.Helper()
	return outsideParty(s.t, s.lab, vlan, name, addresses...)
}

// flows replaces the flows of both bridges.
func (s *switched) flows(flows string) {
	s.t.Helper()
	for _, name := range []string{"h1", "h2"} {
		h := s.lab.Host(name)
		if _, err := h.Ofctl(s.t.Context(), "del-flows", lab.Bridge); err != nil {
			s.t.Fatal(err)
		}
		for flow := range strings.Lines(flows) {
			if _, err := h.Ofctl(s.t.Context(), "add-flow", lab.Bridge, strings.TrimSpace(flow)); err != nil {
				s.t.Fatal(err)
			}
		}
		// Cached megaflows are gone when the revalidators have passed.
		if _, err := h.Appctl(s.t.Context(), "revalidator/wait"); err != nil {
			s.t.Fatal(err)
		}
	}
}

func newLab(t *testing.T, hosts ...string) *lab.Lab {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*longest)
	defer cancel()
	l, err := lab.New(ctx, hosts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func newParty(t *testing.T, role, place string, n *lab.Node) *matrix.Party {
	t.Helper()
	p, err := matrix.NewParty(role, place, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func prefixes(t *testing.T, texts ...string) []netip.Prefix {
	t.Helper()
	var ps []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
	return ps
}
