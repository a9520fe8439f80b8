// Package sse writes streams of Server-Sent Events (WHATWG HTML, section 9.2), one
// message at a time, and bounds how many an account has open.
package sse
