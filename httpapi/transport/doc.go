// Package transport is what a request to the API is before it is about anything:
// what it gives (path, parameters, body and entity tags), its refusal as a problem
// (RFC 9457), and how many of them an account may make.
//
// What a caller may know is in a *Problem or in plan's errors; any other error is
// for the log, and answered as "internal-error" without its text.
package transport
