// Package tracing answers what becomes of a packet: what the policy says at each
// NIC, what the datapath of its host does, and, if a packet is to be sent, what it
// met. Where the two differ at one revision the trace says so. Of another account's
// NIC it tells no more than that account's answer to the packet.
package tracing
