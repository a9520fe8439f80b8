package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/lab"
	"github.com/ringfence/ringfence/internal/matrix"
	"github.com/ringfence/ringfence/internal/traffic"
)

// inFlight is how long a packet may be on its way: what arrives later than
// this after a change was answered was let through after it.
const inFlight = 150 * time.Millisecond

// ask asks the matrix now.
func ask(t *testing.T, parties []*matrix.Party, pair func(from, to *matrix.Party) bool, services, want string) *matrix.Table {
	t.Helper()
	w, err := matrix.ParseWant(want)
	if err != nil {
		t.Fatal(err)
	}
	table, err := matrix.Ask(t.Context(), matrix.Grid{Parties: parties, Services: mustServices(t, services), Want: w, Pair: pair})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// expectMatrix asks the matrix now and tells what is not as expected. Where
// packets are missing and the lab itself has lost some, it asks again.
func expectMatrix(t *testing.T, parties []*matrix.Party, pair func(from, to *matrix.Party) bool, services, want string) {
	t.Helper()
	const tries = 4
	for try := 1; ; try++ {
		asked := time.Now()
		table := ask(t, parties, pair, services, want)
		wrong := table.Wrong()
		if len(wrong) == 0 {
			return
		}
		if err := parties[0].Node.Lab().Evidence(t.Context(), t.ArtifactDir()); err != nil {
			t.Errorf("no evidence: %v", err)
		}
		missing := !slices.ContainsFunc(wrong, func(c matrix.Cell) bool { return c.Want == matrix.No })
		if missing && try < tries && overloaded(t, parties[0].Node.Lab(), asked) {
			continue
		}
		for i, c := range wrong[:min(len(wrong), 10)] {
			t.Error(c)
			if i < 3 {
				t.Logf("what was seen of it:\n%s", c.Trail())
			}
		}
		t.Errorf("%d of %d are wrong:\n%s", len(wrong), len(table.Cells), table)
		return
	}
}

// forgetNeighbours has a machine ask for its neighbours' MACs anew. While it was
// cut off it may have asked in vain; until it gives up, and asks again a second
// later, its system sends nothing to them, whatever the switch would let through.
func forgetNeighbours(t *testing.T, p *matrix.Party) {
	t.Helper()
	if err := p.Node.NS.IP("neigh flush all"); err != nil {
		t.Fatal(err)
	}
}

// overloaded tells whether the lab has lost packets since a time: this machine
// was too slow to say anything of those that are missing.
func overloaded(t *testing.T, l *lab.Lab, since time.Time) bool {
	t.Helper()
	n, err := l.DropsSince(t.Context(), since)
	if err != nil {
		t.Fatal(err)
	}
	if n > 0 {
		t.Logf("packets are missing, but this machine is too busy: the lab has lost %d itself", n)
	}
	return n > 0
}

// openStream opens a stream between two parties; spec may silence a side.
func openStream(t *testing.T, client, server *matrix.Party, proto string, family int, port uint16, spec traffic.StreamSpec) *traffic.Stream {
	t.Helper()
	spec.Proto, spec.Port = proto, port
	spec.Client, spec.Src = client.Node.NS, client.Node.Address(family)
	spec.Server, spec.Dst = server.Node.NS, server.Node.Address(family)
	if spec.Every == 0 {
		spec.Every = 10 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	s, err := traffic.OpenStream(ctx, spec)
	if err != nil {
		t.Fatalf("%s > %s: %v", client.Name(), server.Name(), err)
	}
	t.Cleanup(func() { _ = s.Close() }) // a socket closed by a reset says so again
	return s
}

// expectCut checks that no packet of the stream reached either end later than
// a moment after the change was answered.
func expectCut(t *testing.T, s *traffic.Stream, client, server *matrix.Party, answered time.Time) {
	t.Helper()
	for _, way := range [][2]*matrix.Party{{server, client}, {client, server}} {
		from, to := way[0], way[1]
		late := lateOnes(s, from, to, answered)
		if len(late) > 0 {
			last := late[len(late)-1]
			t.Errorf("%s %s > %s: %d packets reached %s after the change was answered, the last %s later: %s", s.Spec.Proto,
				client.Name(), server.Name(), len(late), to.Name(), last.At.Sub(answered).Round(time.Millisecond), last.String())
		}
	}
}

// lateOnes are the packets of a stream that reached an end too late after an answer.
// What was sent to another host before the answer may have waited in the fabric of a
// lab on a busy machine: each such packet may come once.
func lateOnes(s *traffic.Stream, from, to *matrix.Party, answered time.Time) (late []traffic.Packet) {
	onTheWay := map[string]int{}
	if from.Place != to.Place {
		for _, p := range from.Capture.Find(time.Time{}, func(p *traffic.Packet) bool { return p.Out && p.At.Before(answered) && s.Match(p) }) {
			onTheWay[identity(&p)]++
		}
	}
	for _, p := range to.Capture.Find(time.Time{}, func(p *traffic.Packet) bool { return !p.Out && s.Match(p) }) {
		if key := identity(&p); onTheWay[key] > 0 {
			onTheWay[key]--
		} else if !p.At.Before(answered.Add(inFlight)) {
			late = append(late, p)
		}
	}
	return late
}

// expectUndisturbed checks that everything either end has sent since a time has
// reached the other: every single segment or datagram. It waits until each end that
// speaks has sent something.
func expectUndisturbed(t *testing.T, s *traffic.Stream, client, server *matrix.Party, since time.Time) {
	t.Helper()
	type way struct {
		from, to *matrix.Party
		silent   bool
	}
	ways := []way{{client, server, s.Spec.SilentClient}, {server, client, s.Spec.SilentServer}}
	for _, way := range ways {
		if !way.silent {
			eventually(t, longest, func() error {
				if sent, _ := losses(s, way.from, way.to, since, time.Now()); sent == 0 {
					return fmt.Errorf("%s %s > %s: nothing was sent", s.Spec.Proto, way.from.Name(), way.to.Name())
				}
				return nil
			})
		}
	}
	until := time.Now()
	for _, way := range ways {
		name := fmt.Sprintf("%s %s > %s", s.Spec.Proto, way.from.Name(), way.to.Name())
		// A busy machine needs time to bring what is under way, or loses it itself.
		deadline, checked := until.Add(longest), false
		for {
			sent, lost := losses(s, way.from, way.to, since, until)
			if len(lost) == 0 {
				break
			}
			if !checked && time.Now().After(until.Add(5*time.Second)) {
				if overloaded(t, client.Node.Lab(), since) {
					break
				}
				checked = true
			}
			if time.Now().After(deadline) {
				if overloaded(t, client.Node.Lab(), since) {
					break
				}
				t.Errorf("%s: %d of %d packets were lost, the first %s and the last %s after the start: %s", name, len(lost), sent,
					lost[0].At.Sub(since).Round(time.Millisecond), lost[len(lost)-1].At.Sub(since).Round(time.Millisecond), lost[0].String())
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// losses counts what one end of a stream has sent in a time, and lists what of
// it has not reached the other.
func losses(s *traffic.Stream, from, to *matrix.Party, since, until time.Time) (sent int, lost []traffic.Packet) {
	out := from.Capture.Find(since, func(p *traffic.Packet) bool { return p.Out && p.At.Before(until) && s.Match(p) })
	arrived := map[string]int{}
	for _, p := range to.Capture.Find(since, func(p *traffic.Packet) bool { return !p.Out && s.Match(p) }) {
		arrived[identity(&p)]++
	}
	for _, p := range out {
		if key := identity(&p); arrived[key] > 0 {
			arrived[key]--
		} else {
			lost = append(lost, p)
		}
	}
	return len(out), lost
}

// identity tells a packet from all others of its stream and direction: TCP
// segments by their header, datagrams by their payload.
func identity(p *traffic.Packet) string {
	if p.TCP.Flags == "" {
		return string(p.Frame[len(p.Frame)-p.Payload:])
	}
	return fmt.Sprintf("%s %d %d %d", p.TCP.Flags, p.TCP.Seq, p.TCP.Ack, p.Payload)
}
