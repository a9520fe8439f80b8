// Package faults breaks a whole Ringfence again and again, at random from a
// seed, and checks all the time what it promises: nothing passes that must
// not, nothing that is allowed is cut, nothing acknowledged is lost.
//
//	       writer … writer                 each owns some slots of the policy
//	          │  ╲╱  │
//	        api1    api2
//	          │  ╲╱  │       net: every process is in a namespace of
//	     etcd1 etcd2 etcd3   its own, whose link can be pulled
//	          │      │
//	controller-h1  controller-h2
//	     │               │
//	  OVS h1 ── fabric ── OVS h2
//	c1 s1 x1 e1 m      c2 s2              VMs with streams that go on and on
//
// The parts, from the pure to the real:
//
//   - draw.go: a seed makes a History: rounds with their faults and writes.
//   - slot.go, book.go: what the writers write, and which values each slot may
//     have at what time, given what the API has acknowledged.
//   - oracle.go: from these and package verdict, when a flow must pass, must not,
//     or may.
//   - judge.go: from that, what was sent and what arrived: leaks and cuts.
//   - plane.go, etcd.go, world.go: the processes, the hosts, the VMs.
//   - flow.go, sniff.go, send.go: the streams and what the VMs' devices saw.
//   - kind.go and fault_*.go: the kinds of faults, one concept a file.
//   - run.go: one round after the other.
package faults
