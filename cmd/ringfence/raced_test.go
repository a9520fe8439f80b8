//go:build race

package main

// raced tells whether the race detector watches these tests.
const raced = true
