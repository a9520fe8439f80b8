// Package httpapi is Ringfence's HTTP API: it decodes and checks requests,
// has plan turn them into changes, commits these through the store and encodes
// what came of it. openapi.yaml describes it; everything that goes wrong is
// answered as application/problem+json (RFC 9457) by one function.
//
// A route either answers a call by itself, or decodes what is given to a mutation,
// which is then made and answered in the one way there is (mutate.go); a transaction
// decodes and makes many. A handler returns an error and writes nothing when it
// fails; package transport has what a caller is told of it.
//
// Below it are packages of one subject each.
package httpapi
