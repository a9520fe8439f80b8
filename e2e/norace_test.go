//go:build !race

package e2e

// raced has the program under test watched by the race detector too.
const raced = false
