//go:build !race

package httpapi

// randomRequests are enough for every operation to be asked some hundred times.
const randomRequests = 20_000
