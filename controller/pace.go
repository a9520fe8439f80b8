package controller

import "time"

// pace bounds how often something is done, by the generic cell rate algorithm: a few
// events may follow each other at once, and then one for each time that it costs.
type pace struct {
	slack time.Duration // how much cost may be outstanding
	paid  time.Time     // when the cost of all events so far will have passed
}

// spend notes an event of that cost.
func (p *pace) spend(now time.Time, cost time.Duration) {
	if p.paid.Before(now) {
		p.paid = now
	}
	p.paid = p.paid.Add(cost)
}

// wait is how long the next event has to wait if it costs that much.
func (p *pace) wait(now time.Time, cost time.Duration) time.Duration {
	if !p.paid.After(now) {
		return 0
	}
	return max(0, p.paid.Sub(now)-max(0, p.slack-cost))
}

// commitSlack is how many commits may follow each other at once, by their cost: 20
// small ones. A pass of 250 ms has ovs-vswitchd drop megaflows.
const commitSlack = 200 * time.Millisecond
