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
// It is read from the top down, and each file calls those below it alone:
//
//	serve.go                        makes the API, and serves each request by its route
//	routes.go                       all routes
//	groups.go, nics.go, events.go … what each answers, a file a subject
//	mutate.go                       makes a change; idempotency.go, auditlog.go: what is written with it
//	report.go, realize.go           tells what came of it, and when hosts have it
//	list.go, contact.go, viewer.go  pages, what is answered while the store is lost, what a caller may see
//	call.go, api.go                 one request, and what all of them share
//
// Below it are packages of one subject each.
package httpapi
