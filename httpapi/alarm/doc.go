// Package alarm makes events of what no change made: a trace that shows a
// disagreement, and a NIC that is plugged where it may not be.
package alarm
