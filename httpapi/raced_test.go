//go:build race

package httpapi

// randomRequests are fewer under the race detector, where each takes ten times
// as long: what they are to show is the same without it.
const randomRequests = 5_000
