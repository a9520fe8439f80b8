// Package ofsim is a simulator of the flow tables of Open vSwitch: packets are
// sent through a set of flows, and the result says what became of them and by
// which way. It is a product for the tests of whoever makes flows, checked
// against ofproto/trace of a real ovs-vswitchd.
package ofsim
