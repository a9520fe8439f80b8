//go:build race

package e2e

// raced tells whether the race detector watches these tests.
const raced = true
