package policytest_test

import (
	"strings"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// judged reads a scenario of one packet, and says whether its verdict is the one that
// stands in it.
func judged(t *testing.T, text string) (*secgroup.Snapshot, policytest.Case, bool) {
	t.Helper()
	scenarios, err := policytest.ParseScenarios(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	s := secgroup.NewSnapshot()
	for _, step := range scenarios[0].Steps {
		if step.Check == nil {
			s, _ = s.With(int64(step.Line), step.Changes)
			continue
		}
		c := step.Check.Case(s)
		return s, c, text[strings.LastIndex(text, "\n")+1:] == c.Line(s)
	}
	t.Fatalf("no packet in it:\n%s", text)
	return nil, policytest.Case{}, false
}

// TestLinesSayThePolicy: a random policy that is written and read judges every packet as
// it did, by the same rules.
func TestLinesSayThePolicy(t *testing.T) {
	for seed := range uint64(12) {
		g := policytest.Seeded(seed, policytest.Options{Guard: true, Multicast: true, Shares: true})
		s := policytest.Load(g.Policy())
		text := "# all of it\n" + strings.Join(policytest.Lines(s), "\n") + "\n"
		c, ok := g.Packet(s)
		read, _, _ := judged(t, text+c.Line(s))
		for range 100 {
			if !ok {
				t.Fatal("no packet")
			}
			again := c
			if c.Src != nil {
				again.Src = read.NIC(c.Src.ID)
			}
			if c.Dst != nil {
				again.Dst = read.NIC(c.Dst.ID)
			}
			if want, got := c.Line(s), again.Line(read); got != want {
				t.Fatalf("seed %d: %s\nis %s once it is written:\n%s", seed, want, got, text)
			}
			c, ok = g.Packet(s)
		}
	}
}

// TestMinimise: of a policy of some hundred lines nothing is left but what a case needs,
// here a packet that a rule with a group within a CIDR lets in.
func TestMinimise(t *testing.T) {
	fails := func(s *secgroup.Snapshot, c policytest.Case) bool {
		if c.Dst == nil {
			return false
		}
		d := verdict.Ingress(s, c.Dst, c.Packet)
		g := s.Group(d.Rule.Group)
		if d.Reason != verdict.ReasonRule || g == nil {
			return false
		}
		for _, r := range g.Rules {
			if r.ID == d.Rule.ID {
				return r.RemoteGroup != secgroup.GroupRef{} && r.RemoteCIDR.IsValid()
			}
		}
		return false
	}
	tried := 0
	for seed := uint64(0); tried < 3; seed++ {
		g := policytest.Seeded(seed, policytest.Options{})
		s := policytest.Load(g.Policy())
		for range 300 {
			c, ok := g.Packet(s)
			if !ok || !fails(s, c) {
				continue
			}
			tried++
			text := policytest.Minimise(s, c, fails)
			left, now, same := judged(t, text)
			lines := strings.Split(text, "\n")
			if !same || !fails(left, now) || len(lines) > 12 {
				t.Errorf("seed %d, from %d lines:\n%s", seed, len(policytest.Lines(s)), text)
			}
			t.Logf("from %d lines:\n%s", len(policytest.Lines(s)), text)
			break
		}
	}
}

// TestMinimiseWhatCannotBeSaid: what fails no more once it is written is not made less.
func TestMinimiseWhatCannotBeSaid(t *testing.T) {
	g := policytest.Seeded(1, policytest.Options{})
	s := policytest.Load(g.Policy())
	c, _ := g.Packet(s)
	text := policytest.Minimise(s, c, func(asked *secgroup.Snapshot, _ policytest.Case) bool { return asked == s })
	if !strings.HasPrefix(text, "# not by what the language says\n") || len(strings.Split(text, "\n")) != len(policytest.Lines(s))+2 {
		t.Error(text)
	}
}
