package main

import (
	"crypto/rand"
	"os"
	"strings"
)

// newProcessID is an id that no other process has.
func newProcessID() string { return strings.ToLower(rand.Text()[:12]) }

// machineName is how people know this machine.
func machineName() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}
