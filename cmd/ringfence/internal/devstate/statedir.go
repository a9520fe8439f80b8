package devstate

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
)

// Dir is the directory in which "ringfence dev" keeps its state.
type Dir string

// TokenFile holds the admin's token, for this user alone (mode 0600).
func (d Dir) TokenFile() string { return filepath.Join(string(d), "admin.token") }

// TokensFile holds the hashes of tokens, as an API reads them.
func (d Dir) TokensFile() string { return filepath.Join(string(d), "tokens.json") }

// URLFile says where the running API is.
func (d Dir) URLFile() string { return filepath.Join(string(d), "api.url") }

// HostsSocket is where the controller of the process comes for its share.
func (d Dir) HostsSocket() string { return filepath.Join(string(d), "hosts.sock") }

// LockFile is held while it runs.
func (d Dir) LockFile() string { return filepath.Join(string(d), "lock") }

// EtcdDir is where the embedded etcd keeps its data.
func (d Dir) EtcdDir() string { return filepath.Join(string(d), "etcd") }

// OVSDir is where a private Open vSwitch keeps its files.
func (d Dir) OVSDir() string { return filepath.Join(string(d), "ovs") }

// elsewhere is a directory of links to the state directories of those that were
// told to keep their state somewhere else: this one is where clients look.
func (d Dir) elsewhere() string { return filepath.Join(string(d), "elsewhere") }

// Default is what RINGFENCE_STATE_DIR says, else /var/lib/ringfence for root
// and a directory in the home of anyone else (XDG Base Directory Specification:
// XDG_STATE_HOME).
func Default() string {
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

// URL is that of the API, "" if none was started or it has ended.
func (d Dir) URL() string {
	url, err := os.ReadFile(d.URLFile())
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(url))
}

// runs reports whether a "ringfence dev" holds the directory.
func (d Dir) runs() bool {
	lock, err := os.Open(d.LockFile())
	if err != nil {
		return false
	}
	defer lock.Close()
	return unix.Flock(int(lock.Fd()), unix.LOCK_SH|unix.LOCK_NB) != nil
}

// Announce lets clients find a directory that is not where they look. What it
// returns takes that back.
func (d Dir) Announce() (withdraw func(), err error) {
	base := Dir(Default())
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
func (d Dir) forgetEnded() {
	links, err := os.ReadDir(d.elsewhere())
	if err != nil {
		return // there is nothing to remove
	}
	for _, l := range links {
		link := filepath.Join(d.elsewhere(), l.Name())
		if dir, err := os.Readlink(link); err == nil && !Dir(dir).runs() {
			os.Remove(link)
		}
	}
}

// All are where this user's "ringfence dev" keep their state: the usual
// directory, and those that were announced.
func All() []Dir {
	base := Dir(Default())
	dirs := []Dir{base}
	links, err := os.ReadDir(base.elsewhere())
	if err != nil {
		return dirs
	}
	for _, l := range links {
		if dir, err := os.Readlink(filepath.Join(base.elsewhere(), l.Name())); err == nil {
			dirs = append(dirs, Dir(dir))
		}
	}
	return dirs
}

// Running is the directory of the "ringfence dev" that runs, "" if none does.
// The usual one comes before others; of several others one has to be chosen.
func Running() (Dir, error) {
	running := slices.DeleteFunc(All(), func(d Dir) bool { return d.URL() == "" || !d.runs() })
	switch {
	case len(running) == 0:
		return "", nil
	case len(running) == 1 || running[0] == Dir(Default()):
		return running[0], nil
	}
	urls := make([]string, len(running))
	for i, d := range running {
		urls[i] = d.URL()
	}
	return "", failure.Usage("which API? Several 'ringfence dev' run here: give --server " + strings.Join(urls, " or "))
}
