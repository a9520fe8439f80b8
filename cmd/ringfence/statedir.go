package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// stateDir is the directory in which "ringfence dev" keeps its state.
type stateDir string

func (d stateDir) tokenFile() string  { return filepath.Join(string(d), "admin.token") } // mode 0600
func (d stateDir) tokensFile() string { return filepath.Join(string(d), "tokens.json") } // hashes only
func (d stateDir) urlFile() string    { return filepath.Join(string(d), "api.url") }     // of the running API
func (d stateDir) lockFile() string   { return filepath.Join(string(d), "lock") }        // held while it runs
func (d stateDir) etcdDir() string    { return filepath.Join(string(d), "etcd") }
func (d stateDir) ovsDir() string     { return filepath.Join(string(d), "ovs") }

// elsewhere is a directory of links to the state directories of those that were
// told to keep their state somewhere else: this one is where clients look.
func (d stateDir) elsewhere() string { return filepath.Join(string(d), "elsewhere") }

// defaultStateDir is what RINGFENCE_STATE_DIR says, else /var/lib/ringfence for root
// and a directory in the home of anyone else (XDG Base Directory Specification:
// XDG_STATE_HOME).
func defaultStateDir() string {
	if dir := os.Getenv("RINGFENCE_STATE_DIR"); dir != "" {
		return dir
	}
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

// url is that of the API, "" if none was started or it has ended.
func (d stateDir) url() string {
	url, err := os.ReadFile(d.urlFile())
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(url))
}

// runs reports whether a "ringfence dev" holds the directory.
func (d stateDir) runs() bool {
	lock, err := os.Open(d.lockFile())
	if err != nil {
		return false
	}
	defer lock.Close()
	return unix.Flock(int(lock.Fd()), unix.LOCK_SH|unix.LOCK_NB) != nil
}

// announce lets clients find a directory that is not where they look. What it
// returns takes that back.
func (d stateDir) announce() (withdraw func(), err error) {
	base := stateDir(defaultStateDir())
	full, err := filepath.Abs(string(d))
	if err != nil || full == string(base) {
		return func() {}, err
	}
	if err := os.MkdirAll(base.elsewhere(), 0o700); err != nil {
		return nil, err
	}
	base.forgetEnded()
	link := filepath.Join(base.elsewhere(), fmt.Sprint(os.Getpid()))
	if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	if err := os.Symlink(full, link); err != nil {
		return nil, err
	}
	return func() { os.Remove(link) }, nil
}

// forgetEnded removes the links of those that were killed.
func (d stateDir) forgetEnded() {
	links, err := os.ReadDir(d.elsewhere())
	if err != nil {
		return // there is nothing to remove
	}
	for _, l := range links {
		link := filepath.Join(d.elsewhere(), l.Name())
		if dir, err := os.Readlink(link); err == nil && !stateDir(dir).runs() {
			os.Remove(link)
		}
	}
}

// devDirs are where this user's "ringfence dev" keep their state: the usual
// directory, and those that were announced.
func devDirs() []stateDir {
	base := stateDir(defaultStateDir())
	dirs := []stateDir{base}
	links, err := os.ReadDir(base.elsewhere())
	if err != nil {
		return dirs
	}
	for _, l := range links {
		if dir, err := os.Readlink(filepath.Join(base.elsewhere(), l.Name())); err == nil {
			dirs = append(dirs, stateDir(dir))
		}
	}
	return dirs
}

// runningDev is the directory of the "ringfence dev" that runs, "" if none does.
// The usual one comes before others; of several others one has to be chosen.
func runningDev() (stateDir, error) {
	running := slices.DeleteFunc(devDirs(), func(d stateDir) bool { return d.url() == "" || !d.runs() })
	switch {
	case len(running) == 0:
		return "", nil
	case len(running) == 1 || running[0] == stateDir(defaultStateDir()):
		return running[0], nil
	}
	urls := make([]string, len(running))
	for i, d := range running {
		urls[i] = d.url()
	}
	return "", usageError("which API? Several 'ringfence dev' run here: give --server " + strings.Join(urls, " or "))
}
