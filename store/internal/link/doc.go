// Package link is the way to etcd: a client that goes by one member at a time and
// moves to another one in time (Route), a feed of what is below a prefix, without a
// gap (Feed), leases that many share, and the words for what can go wrong. It knows
// nothing of what is written.
package link
