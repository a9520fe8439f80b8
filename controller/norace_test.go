//go:build !race

package controller

// raced has the controller slowed down by the race detector.
const raced = false
