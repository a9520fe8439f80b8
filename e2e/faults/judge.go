package faults

import (
	"fmt"
	"slices"
	"time"
)

// The promises.
const (
	// revokedWithin is how long after a change was applied what it takes away
	// may still pass.
	revokedWithin = time.Second
	// cutFor is how long what is allowed may be cut.
	cutFor = time.Second
	// machineShare is how much of a cut, beside that, may be the machine's own.
	machineShare = 2 * time.Second
	// onTheWay is how long a packet may be under way without being taken for lost:
	// TCP sends several at once.
	onTheWay = 100 * time.Millisecond
)

// Window is a time.
type Window struct{ From, To time.Time }

// Has tells whether a time is in the window.
func (w Window) Has(t time.Time) bool { return !t.Before(w.From) && !t.After(w.To) }

// Record is what was seen of one way of a flow: when packets left the sending
// VM's device, and when they came to the receiving one's, in order.
type Record struct {
	Sent    []Packet
	Arrived []time.Time
}

// Packet is one that was sent.
type Packet struct {
	At    time.Time
	Began time.Time // when its TCP connection began; zero for a datagram
}

// Finding is something that must not be.
type Finding struct {
	Flow string // or what else it is about
	What string
	At   time.Time
}

func (f Finding) String() string {
	return fmt.Sprintf("%s: %s (at %s)", f.Flow, f.What, f.At.Format(clock))
}

// Leaks finds what arrived in a window and must not have: packets later than
// revokedWithin, and what the machine was held up itself, after the flow was
// surely forbidden, but for those in the excused times. What arrives while a switch
// on the way does nothing, or just after that (held), may have passed the others
// when that began.
func Leaks(way string, r Record, phases []Phase, in Window, excused, held []Window, machine []Cut) []Finding {
	var first, last time.Time
	passed := 0
	for _, at := range r.Arrived {
		// What the machine held back it sends late.
		late := revokedWithin + min(machineShare, Longest(machine, Window{at.Add(-revokedWithin - machineShare), at}).Len())
		for _, w := range held {
			if w.Has(at) || w.Has(at.Add(-onTheWay)) {
				late += at.Sub(w.From)
			}
		}
		if !in.Has(at) || ruleFor(phases, at, late) != MustNot || slices.ContainsFunc(excused, func(w Window) bool { return w.Has(at) }) {
			continue
		}
		if passed == 0 {
			first = at
		}
		passed++
		last = at
	}
	if passed == 0 {
		return nil
	}
	return []Finding{{way, fmt.Sprintf("%d packets passed that must not, the last %s after the first", passed, last.Sub(first).Round(time.Millisecond)), first}}
}

// ruleFor is what held at a time and for a while before it; May if that changed.
func ruleFor(phases []Phase, at time.Time, before time.Duration) Rule {
	rule := May
	for _, p := range phases {
		if p.Since.After(at) {
			break
		}
		rule = p.Rule
		if p.Since.After(at.Add(-before)) && !p.Since.Equal(phases[0].Since) {
			rule = May
		}
	}
	return rule
}

// mustSince tells whether a flow had to pass at a time, and all the while since
// another one, unless that is zero.
func mustSince(phases []Phase, since, at time.Time) bool {
	rule := May
	for i, p := range phases {
		if p.Since.After(at) {
			break
		}
		rule = p.Rule
		if !since.IsZero() && rule != Must && (i+1 == len(phases) || phases[i+1].Since.After(since)) {
			return false
		}
	}
	return rule == Must
}

// Cut is a time in which everything that was sent got lost.
type Cut struct {
	Window
	Lost int // packets
}

// Len is how long it was, from the first to the last packet that was lost: what
// nobody sent nobody missed.
func (c Cut) Len() time.Duration { return c.To.Sub(c.From) }

// Cuts finds the times in a window in which a flow had to pass and did not: runs of sent packets between two arrivals, or from the last arrival on. Packets
// sent in excused times, or before the flow surely had to pass, do not count,
// and neither do those of a TCP connection that is from before that: it may have
// been cut, for good.
func Cuts(r Record, phases []Phase, in Window, excused []Window) (cuts []Cut) {
	var lost []time.Time
	end := func(arrived time.Time) { // zero: nothing has arrived, or nothing had to
		for !arrived.IsZero() && len(lost) > 0 && lost[len(lost)-1].After(arrived.Add(-onTheWay)) {
			lost = lost[:len(lost)-1] // sent together with what has arrived
		}
		if len(lost) > 0 {
			cuts = append(cuts, Cut{Window{lost[0], lost[len(lost)-1]}, len(lost)})
		}
		lost = nil
	}
	next := 0 // the first arrival after the packet
	for i, p := range r.Sent {
		for next < len(r.Arrived) && r.Arrived[next].Before(p.At) {
			end(r.Arrived[next])
			next++
		}
		arrives := next < len(r.Arrived) && (i+1 == len(r.Sent) || r.Arrived[next].Before(r.Sent[i+1].At))
		counts := in.Has(p.At) && mustSince(phases, p.Began, p.At) && !slices.ContainsFunc(excused, func(w Window) bool { return w.Has(p.At) })
		switch {
		case arrives:
			end(r.Arrived[next])
		case !counts:
			end(time.Time{})
		default:
			lost = append(lost, p.At)
		}
	}
	end(time.Time{})
	return cuts
}

// Silences are the times in a window in which a sender of datagrams was late: it had
// no processor.
func Silences(sent []Packet, in Window) (all []Cut) {
	for i := 1; i < len(sent); i++ {
		if from, to := sent[i-1].At, sent[i].At; in.Has(to) && to.Sub(from) > 2*sendEvery {
			all = append(all, Cut{Window: Window{from.Add(sendEvery), to}})
		}
	}
	return all
}

// Longest is the longest of the cuts that touch a window.
func Longest(cuts []Cut, in Window) (longest Cut) {
	for _, c := range cuts {
		if !c.From.After(in.To) && !c.To.Before(in.From) && c.Len() > longest.Len() {
			longest = c
		}
	}
	return longest
}

// Excess is how much longer a cut was than it may be, given how long the
// machine's own was at the time: at most zero if it is excused. Unjudged tells
// that the machine was too busy to say.
func Excess(cut, machine time.Duration) (excess time.Duration, unjudged bool) {
	if cut <= cutFor {
		return 0, false
	}
	if machine > machineShare {
		return 0, true
	}
	return max(0, cut-machine-cutFor), false
}
