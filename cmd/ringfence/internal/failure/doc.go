// Package failure is why a command failed: the kinds of failures, how people are told of them, and the exit statuses.
package failure
