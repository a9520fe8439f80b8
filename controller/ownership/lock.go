package ownership

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/controller/internal/pause"
)

// How often a controller that waits for the bridge tries, how often one that
// has it looks whether the lock is still the one that others find, and how
// often the wait is logged.
const (
	lockRetry = 200 * time.Millisecond
	lockLook  = time.Second
	lockSaid  = time.Minute
)

// Lock is held by the one controller that may change a bridge. It is a
// locked file beside the sockets of ovs-vswitchd, for three reasons. Whoever
// works on a bridge needs those sockets, so that all see the same file, in a
// container too (the directory is mounted there) and whatever their etcd, policy
// and host's name are. The kernel gives it back at once when its holder ends,
// however that comes. And it does not depend on ovsdb-server, which may be
// started again at any time and forgets its own locks then. (An OVSDB far away
// is none that a controller works with: its OpenFlow and unixctl sockets are
// local.)
type Lock struct {
	path string
	file *os.File
}

// Bridge is one that is to be had, and by whom.
type Bridge struct {
	RunDir string // of its ovs-vswitchd
	Name   string
	Host   string // who takes it, for people
}

// ErrLost says that somebody else has the bridge.
var ErrLost = errors.New("another controller took the bridge over")

// Acquire waits until no other controller has the bridge, and says so
// meanwhile.
func Acquire(ctx context.Context, b Bridge, log *slog.Logger, waiting prometheus.Gauge) (*Lock, error) {
	l := &Lock{path: filepath.Join(b.RunDir, b.Name+".ringfence.lock")}
	var said time.Time
	defer waiting.Set(0)
	for {
		taken, err := l.tryLock(b.Host)
		if err != nil {
			return nil, fmt.Errorf("lock of the bridge: %w", err)
		}
		if taken {
			if !said.IsZero() {
				log.Info("the bridge is free", "bridge", b.Name)
			}
			return l, nil
		}
		waiting.Set(1)
		if time.Since(said) >= lockSaid {
			said = time.Now()
			log.Error("another controller keeps this bridge; waiting until it ends", "bridge", b.Name, "holder", l.holder(), "lock", l.path)
		}
		if err := pause.For(ctx, lockRetry); err != nil {
			return nil, err
		}
	}
}

// tryLock takes the lock unless somebody has it.
func (l *Lock) tryLock(host string) (bool, error) {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return false, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return false, nil
		}
		return false, err
	}
	if !sameFile(f, l.path) { // replaced between opening and locking
		f.Close()
		return false, nil
	}
	// For people who look who it is; the lock is what counts.
	text := fmt.Sprintf("pid %d, host %s\n", os.Getpid(), host)
	if err := errors.Join(f.Truncate(0), second(f.WriteAt([]byte(text), 0))); err != nil {
		f.Close()
		return false, err
	}
	l.file = f
	return true, nil
}

func second[T any](_ T, err error) error { return err }

// holder is what the holder wrote of itself.
func (l *Lock) holder() string {
	f, err := os.Open(l.path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 200))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b))
}

// Watch sees to it that others find the lock taken: its directory is made anew
// when Open vSwitch is started again on some systems. It fails when somebody
// else was faster, since two at one bridge undo each other's work.
func (l *Lock) Watch(ctx context.Context, host string) error {
	for {
		if err := pause.For(ctx, lockLook); err != nil {
			return err
		}
		if sameFile(l.file, l.path) {
			continue
		}
		old := l.file
		taken, err := l.tryLock(host)
		switch {
		case errors.Is(err, os.ErrNotExist): // the directory is away, and the switch with it
			continue
		case err != nil:
			return fmt.Errorf("lock of the bridge: %w", err)
		case !taken && !sameFile(l.file, l.path):
			return fmt.Errorf("%w: %s", ErrLost, l.holder())
		case taken:
			old.Close()
		}
	}
}

// Release gives the bridge to whoever waits.
func (l *Lock) Release() { l.file.Close() }

// sameFile tells whether an open file is what is found at path.
func sameFile(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}
