package lasthour

import "time"

// Hour is what is known of an account.
type Hour struct {
	Since  time.Time `json:"since"`        // nothing is known from before
	Step   int       `json:"step_seconds"` // from one point to the next
	Points []Point   `json:"points"`
}

// Point is one step. What is not known is null.
type Point struct {
	At time.Time `json:"at"` // where the step begins
	// Connections is how many packets began a connection at the account's NICs.
	Connections *uint64 `json:"connections"`
	// Drops is how many packets of its NICs were dropped while somebody looked.
	Drops *uint64 `json:"drops"`
	// Lag is for how long a host of its NICs did not have the latest policy in force,
	// at most, in seconds.
	Lag *float64 `json:"lag_seconds"`
	// Silent is how many of these hosts did not tell their counters: Connections is
	// of the others.
	Silent int `json:"silent_hosts"`
}

// Tell returns what is known of an account with NICs at those hosts: a point for
// each step of the last hour in which this process was there.
func (b *Book) Tell(name string, hosts []string) Hour {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := stepOf(b.now())
	out := Hour{Since: b.since.UTC(), Step: int(Step / time.Second), Points: []Point{}}
	a := b.accounts[name]
	if a == nil {
		a = &account{}
	}
	for step := max(stepOf(b.since), now+1-uint32(Points)); step <= now; step++ {
		p := Point{At: timeOf(step)}
		heard := 0
		for _, name := range hosts {
			h := b.hosts[name]
			if h == nil {
				continue
			}
			if lag, ok := h.lag.at(step); ok && (p.Lag == nil || lag.Seconds() > *p.Lag) {
				seconds := lag.Seconds()
				p.Lag = &seconds
			}
			if _, ok := h.heard.at(step); ok {
				heard++
			}
		}
		p.Silent = len(hosts) - heard
		if begun, _ := a.begun.at(step); heard > 0 || begun > 0 {
			p.Connections = &begun
		}
		if drops, ok := a.drops.at(step); ok {
			p.Drops = &drops
		}
		out.Points = append(out.Points, p)
	}
	return out
}
