package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/matrix"
	"github.com/ringfence/ringfence/internal/traffic"
)

// inFlight is how long a packet may be on its way: what arrives later than
// this after a change was answered was let through after it.
const inFlight = 150 * time.Millisecond

// ask asks the matrix now.
func ask(t *testing.T, parties []*matrix.Party, services, want string) *matrix.Table {
	t.Helper()
	w, err := matrix.ParseWant(want)
	if err != nil {
		t.Fatal(err)
	}
	svcs, err := matrix.ParseServices(services)
	if err != nil {
		t.Fatal(err)
	}
	table, err := matrix.Ask(t.Context(), parties, svcs, w)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// expectMatrix asks the matrix now and tells what is not as expected.
func expectMatrix(t *testing.T, parties []*matrix.Party, services, want string) {
	t.Helper()
	table := ask(t, parties, services, want)
	wrong := table.Wrong()
	if len(wrong) == 0 {
		return
	}
	for _, c := range wrong {
		t.Error(c)
	}
	t.Logf("the whole matrix:\n%s", table)
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
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
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
	for _, p := range []*matrix.Party{client, server} {
		late := p.Capture.Find(answered.Add(inFlight), func(q *traffic.Packet) bool { return !q.Out && s.Match(q) })
		if len(late) > 0 {
			last := late[len(late)-1]
			t.Errorf("%s %s > %s: %d packets reached %s after the change was answered, the last %s later: %s", s.Spec.Proto,
				client.Name(), server.Name(), len(late), p.Name(), last.At.Sub(answered).Round(time.Millisecond), last.String())
		}
	}
}

// expectUndisturbed checks that everything either end has sent since a time has
// reached the other: every single segment or datagram, and none twice.
func expectUndisturbed(t *testing.T, s *traffic.Stream, client, server *matrix.Party, since time.Time) {
	t.Helper()
	until := time.Now()
	time.Sleep(inFlight) // what is under way arrives
	for _, way := range []struct{ from, to *matrix.Party }{{client, server}, {server, client}} {
		out := count(way.from.Capture.Find(since, func(p *traffic.Packet) bool { return p.Out && p.At.Before(until) && s.Match(p) }))
		// One that left before may arrive after: look for arrivals from a little earlier.
		in := count(way.to.Capture.Find(since.Add(-inFlight), func(p *traffic.Packet) bool { return !p.Out && s.Match(p) }))
		if len(out) == 0 {
			t.Errorf("%s %s > %s: nothing was sent", s.Spec.Proto, way.from.Name(), way.to.Name())
		}
		for key, n := range out {
			if n > 1 && !strings.HasSuffix(key, " length 0") { // acknowledgements may repeat
				t.Errorf("%s %s > %s: segment %s sent %d times", s.Spec.Proto, way.from.Name(), way.to.Name(), key, n)
			}
			if in[key] < n {
				t.Errorf("%s %s > %s: packet %s was lost", s.Spec.Proto, way.from.Name(), way.to.Name(), key)
			}
		}
	}
	for name, way := range map[string]*traffic.Way{"to the server": &s.ToServer, "to the client": &s.ToClient} {
		if lost := way.Lost(until); len(lost) > 0 {
			t.Errorf("%s %s > %s: messages %s lost: %v", s.Spec.Proto, client.Name(), server.Name(), name, lost)
		}
	}
}

// count counts equal packets. TCP segments are told apart by their header,
// datagrams by their payload.
func count(packets []traffic.Packet) map[string]int {
	n := map[string]int{}
	for _, p := range packets {
		key := fmt.Sprintf("%s seq %d ack %d length %d", p.TCP.Flags, p.TCP.Seq, p.TCP.Ack, p.Payload)
		if p.TCP.Flags == "" {
			key = fmt.Sprintf("%x", p.Frame[len(p.Frame)-p.Payload:])
		}
		n[key]++
	}
	return n
}
