// Package effect shows what a change does, as far as it is an account's to see: the
// NICs, hosts and rules that it concerns, what it lets through and what not any more,
// and which open connections it cuts.
package effect
