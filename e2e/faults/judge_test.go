package faults

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// at is a time some milliseconds after the beginning.
func at(ms int) time.Time { return time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond) }

// packets are datagrams sent at some times.
func packets(times []time.Time) (all []Packet) {
	for _, t := range times {
		all = append(all, Packet{At: t})
	}
	return all
}

// connection has them be of a TCP connection that began some time.
func connection(began int, all []Packet) []Packet {
	for i := range all {
		all[i].Began = at(began)
	}
	return all
}

// every lists times from one to another, 100 ms apart.
func every(from, to int) (times []time.Time) {
	for ms := from; ms < to; ms += 100 {
		times = append(times, at(ms))
	}
	return times
}

func later(times []time.Time, ms int) (all []time.Time) {
	for _, t := range times {
		all = append(all, t.Add(time.Duration(ms)*time.Millisecond))
	}
	return all
}

func TestCuts(t *testing.T) {
	all := Window{at(0), at(100_000)}
	must := []Phase{{at(-1000), Must}}
	for _, c := range []struct {
		name    string
		r       Record
		phases  []Phase
		excused []Window
		longest time.Duration
	}{
		{name: "everything arrives", r: Record{packets(every(0, 5000)), later(every(0, 5000), 3)}, phases: must},
		{name: "nothing is sent", r: Record{packets(append(every(0, 1000), every(4000, 5000)...)), later(append(every(0, 1000), every(4000, 5000)...), 3)}, phases: must},
		{name: "a hole", r: Record{packets(every(0, 5000)), later(append(every(0, 1000), every(3000, 5000)...), 3)}, phases: must, longest: 1900 * time.Millisecond},
		{name: "nothing ever arrives", r: Record{packets(every(0, 5000)), nil}, phases: must, longest: 4900 * time.Millisecond},
		{name: "no end of it", r: Record{packets(every(0, 5000)), later(every(0, 2000), 3)}, phases: must, longest: 2900 * time.Millisecond},
		{name: "held back, then all at once", r: Record{packets(every(0, 5000)), later(append(every(0, 1000), every(3000, 5000)...), 3)}, phases: must, longest: 1900 * time.Millisecond},
		{name: "a hole that is excused", r: Record{packets(every(0, 5000)), later(append(every(0, 1000), every(3000, 5000)...), 3)}, phases: must, excused: []Window{{at(900), at(3000)}}},
		{name: "a hole longer than its excuse", r: Record{packets(every(0, 6000)), later(append(every(0, 1000), every(5000, 6000)...), 3)}, phases: must, excused: []Window{{at(900), at(2000)}}, longest: 2800 * time.Millisecond},
		{name: "a hole while it may be forbidden", r: Record{packets(every(0, 5000)), later(append(every(0, 1000), every(3000, 5000)...), 3)}, phases: []Phase{{at(-1000), Must}, {at(950), May}, {at(2900), Must}}},
		{name: "allowed, and nothing comes", r: Record{packets(every(0, 5000)), nil}, phases: []Phase{{at(-1000), MustNot}, {at(2000), Must}}, longest: 2900 * time.Millisecond},
		{name: "a connection from before it was forbidden", r: Record{connection(-500, packets(every(0, 5000))), nil}, phases: []Phase{{at(-1000), Must}, {at(-100), MustNot}, {at(0), Must}}},
		{name: "a connection since it is allowed", r: Record{connection(100, packets(every(100, 5000))), nil}, phases: []Phase{{at(-1000), MustNot}, {at(0), Must}}, longest: 4800 * time.Millisecond},
		{name: "TCP that tries ever more rarely", r: Record{packets([]time.Time{at(0), at(200), at(600), at(1400), at(3000)}), []time.Time{at(3)}}, phases: must, longest: 2800 * time.Millisecond},
		{name: "TCP that sends two at its next try", r: Record{packets([]time.Time{at(0), at(200), at(600), at(1400), at(3000), at(3001)}), []time.Time{at(3), at(3003)}}, phases: must, longest: 1200 * time.Millisecond},
		{name: "TCP that was right at its next try", r: Record{packets([]time.Time{at(0), at(200), at(600), at(1400), at(3000)}), []time.Time{at(3), at(3003)}}, phases: must, longest: 1200 * time.Millisecond},
	} {
		if got := Longest(Cuts(c.r, c.phases, all, c.excused), all).Len(); got != c.longest {
			t.Errorf("%s: cut for %s, want %s", c.name, got, c.longest)
		}
	}
}

func TestLeaks(t *testing.T) {
	all := Window{at(0), at(100_000)}
	for _, c := range []struct {
		name    string
		arrived []time.Time
		phases  []Phase
		excused []Window
		held    []Window
		machine []Cut
		leak    bool
	}{
		{name: "allowed", arrived: every(0, 5000), phases: []Phase{{at(-1000), Must}}},
		{name: "perhaps allowed", arrived: every(0, 5000), phases: []Phase{{at(-1000), May}}},
		{name: "forbidden", arrived: every(0, 100), phases: []Phase{{at(-1000), MustNot}}, leak: true},
		{name: "forbidden for a moment", arrived: every(0, 3000), phases: []Phase{{at(-1000), Must}, {at(2050), MustNot}}},
		{name: "forbidden for a while", arrived: every(0, 3200), phases: []Phase{{at(-1000), Must}, {at(2050), MustNot}}, leak: true},
		{name: "perhaps allowed again", arrived: every(0, 3200), phases: []Phase{{at(-1000), Must}, {at(2050), MustNot}, {at(2900), May}}},
		{name: "forbidden, excused", arrived: every(0, 1000), phases: []Phase{{at(-1000), MustNot}}, excused: []Window{{at(0), at(1000)}}},
		{name: "forbidden, longer than excused", arrived: every(0, 1000), phases: []Phase{{at(-1000), MustNot}}, excused: []Window{{at(0), at(800)}}, leak: true},
		{name: "forbidden for a while, on a busy machine", arrived: every(0, 3200), phases: []Phase{{at(-1000), Must}, {at(2050), MustNot}}, machine: []Cut{{Window: Window{at(2100), at(2500)}}}},
		{name: "forbidden for long, on a busy machine", arrived: every(0, 3700), phases: []Phase{{at(-1000), Must}, {at(2050), MustNot}}, machine: []Cut{{Window: Window{at(2100), at(2500)}}}, leak: true},
		{name: "held back since it was allowed", arrived: []time.Time{at(4010), at(4020)}, phases: []Phase{{at(-1000), Must}, {at(2050), MustNot}}, held: []Window{{at(2000), at(4000)}}},
		{name: "held back since it was just forbidden", arrived: []time.Time{at(4010)}, phases: []Phase{{at(-1000), Must}, {at(1050), MustNot}}, held: []Window{{at(2000), at(4000)}}},
		{name: "held back since it was long forbidden", arrived: []time.Time{at(4010)}, phases: []Phase{{at(-1000), Must}, {at(950), MustNot}}, held: []Window{{at(2000), at(4000)}}, leak: true},
		{name: "later than what was held back", arrived: []time.Time{at(4200)}, phases: []Phase{{at(-1000), Must}, {at(2050), MustNot}}, held: []Window{{at(2000), at(4000)}}, leak: true},
		{name: "judged before", arrived: every(-500, 0), phases: []Phase{{at(-1000), MustNot}}},
	} {
		if got := Leaks("f", Record{Arrived: c.arrived}, c.phases, all, c.excused, c.held, c.machine); (len(got) > 0) != c.leak {
			t.Errorf("%s: found %v, want a leak: %t", c.name, got, c.leak)
		}
	}
}

func TestExcess(t *testing.T) {
	for _, c := range []struct {
		cut, machine, excess time.Duration
		unjudged             bool
	}{
		{cut: time.Second},
		{cut: 1100 * time.Millisecond, excess: 100 * time.Millisecond},
		{cut: 1100 * time.Millisecond, machine: 300 * time.Millisecond},
		{cut: 4 * time.Second, machine: 2 * time.Second, excess: time.Second},
		{cut: 4 * time.Second, machine: 2100 * time.Millisecond, unjudged: true},
	} {
		if excess, unjudged := Excess(c.cut, c.machine); excess != c.excess || unjudged != c.unjudged {
			t.Errorf("cut %s, the machine's %s: %s too long, unjudged %t", c.cut, c.machine, excess, unjudged)
		}
	}
}

// TestUnheard: while the store is away nobody hears where a VM is plugged that is at
// two hosts meanwhile; of nothing else is that an excuse.
func TestUnheard(t *testing.T) {
	m := Flow{From: "m", To: "s1"}
	moves := []move{{Window{at(10), at(12)}, ofMachine("m")}}
	away := []Window{{at(1), at(9)}, {at(9), at(11)}, {at(12), at(20)}, {at(13), at(20)}}
	if got := unheard(moves, away, &m); !slices.Equal(got, away[1:3]) {
		t.Errorf("of the VM: %v", got)
	}
	if got := unheard(moves, away, &Flow{From: "c1", To: "s1"}); got != nil {
		t.Errorf("of others: %v", got)
	}
}

// A sender that was late had no processor.
func TestSilences(t *testing.T) {
	sent := packets([]time.Time{at(0), at(100), at(290), at(390), at(1390), at(1490)})
	got := Silences(sent, Window{at(0), at(2000)})
	if len(got) != 1 || got[0].From != at(490) || got[0].To != at(1390) {
		t.Errorf("%+v", got)
	}
	if got := Silences(sent, Window{at(0), at(1000)}); len(got) != 0 {
		t.Errorf("of another time: %+v", got)
	}
}

// What a control flow loses counts for flows that go through all that it goes through.
func TestControlsOnTheWay(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     []string
	}{
		{"c1", "s1", []string{"the fabric", "h1"}},
		{"c2", "s2", []string{"the fabric", "h2"}},
		{"c1", "s2", []string{"the fabric", "h1", "h2", "the way between hosts"}},
		{"m", "s1", []string{"the fabric", "h1", "h2", "the way between hosts"}}, // it may be anywhere
	} {
		var got []string
		for i := range controls {
			if controls[i].isOnTheWayOf(&Flow{From: c.from, To: c.to}) {
				got = append(got, strings.TrimPrefix(controls[i].Name, "control of "))
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s to %s: %v, want %v", c.from, c.to, got, c.want)
		}
	}
}
