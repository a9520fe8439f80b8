// Package httpapi is Ringfence's HTTP API: it decodes and checks requests,
// has plan turn them into changes, commits these through the store and encodes
// what came of it. openapi.yaml describes it; everything that goes wrong is
// answered as application/problem+json (RFC 9457) by one function.
//
// A handler returns an error and writes nothing when it fails. What a caller
// may know is in a *Problem or in plan's errors; any other error is logged and
// answered as "internal-error" without its text.
package httpapi
