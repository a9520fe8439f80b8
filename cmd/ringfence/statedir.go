package main

import (
	"os"
	"path/filepath"
)

// stateDir is the directory in which "ringfence dev" keeps its state.
type stateDir string

func (d stateDir) tokenFile() string  { return filepath.Join(string(d), "admin.token") } // mode 0600
func (d stateDir) tokensFile() string { return filepath.Join(string(d), "tokens.json") } // hashes only
func (d stateDir) urlFile() string    { return filepath.Join(string(d), "api.url") }     // of the running API
func (d stateDir) etcdDir() string    { return filepath.Join(string(d), "etcd") }
func (d stateDir) ovsDir() string     { return filepath.Join(string(d), "ovs") }

// defaultStateDir is /var/lib/ringfence for root and a directory in the home
// of anyone else (XDG Base Directory Specification: XDG_STATE_HOME).
func defaultStateDir() string {
	if os.Geteuid() == 0 {
		return "/var/lib/ringfence"
	}
	if base := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "ringfence")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "ringfence-state" // no home: beside the caller
	}
	return filepath.Join(home, ".local", "state", "ringfence")
}
