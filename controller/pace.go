package controller

import "time"

// pace lets a few events through at once and, when they go on, one per cost:
// the generic cell rate algorithm.
type pace struct {
	slack time.Duration // how much cost may pile up
	paid  time.Time     // when all events so far are paid for
}

// spend notes an event.
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
