// Package reporting writes what hosts say of themselves: their reports, their plugs, and
// how those stand that have their stream at a relay.
//
// What a host has applied is known of one machine alone. So whatever is written under a
// host's name rests on its seat: a key, with a lease, that names the machine that reports.
package reporting
