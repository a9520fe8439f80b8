// Package session is what the client commands share: the flags that say which API and account are meant, how a change is asked for and told of, and
// what groups and rules are called.
package session
