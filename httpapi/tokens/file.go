package tokens

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// File is a file of tokens. It is read again when it has changed and nobody
// writes it any more; while it cannot be read or has a fault, the tokens of the
// last good state are valid. To hold no token is a fault: a file that was cut
// short would revoke them all. So is a file that everybody may write.
//
// The file holds JSON objects, one after the other or in an array:
//
//	{"token_sha256": "<64 hex digits>", "account": "acme", "role": "member", "name": "ci", "expires": "2027-01-31T00:00:00Z"}
//
// A host's token has its name, and no account:
//
//	{"token_sha256": "<64 hex digits>", "host": "h1", "role": "host", "name": "h1"}
//
// "expires" may be left away: such a token is good until it is taken out.
type File struct {
	path   string
	logger *slog.Logger
	stop   context.CancelFunc
	done   chan struct{}

	mu     sync.RWMutex
	tokens []token

	// Of load alone.
	taken, looked stamp // of the tokens, and of the last look
	warned        bool  // that everybody may read it
}

type token struct {
	hash    [sha256.Size]byte
	who     Identity
	host    string    // of a token of role host
	expires time.Time // zero: never
}

// stamp tells states of a file apart.
type stamp struct{ os.FileInfo }

func (s stamp) equal(t stamp) bool {
	return s.FileInfo != nil && t.FileInfo != nil && os.SameFile(s.FileInfo, t.FileInfo) && s.ModTime().Equal(t.ModTime()) && s.Size() == t.Size()
}

// tokenPoll is how often the file is looked at. A change is taken up at the
// second look.
const tokenPoll = 300 * time.Millisecond

// Permission bits of everybody on the machine.
const othersRead, othersWrite = 0o004, 0o002

// Open reads the file and looks after it until Close.
//
//nolint:contextcheck // it is looked after until Close
func Open(path string, logger *slog.Logger) (*File, error) {
	ctx, cancel := context.WithCancel(context.Background())
	t := &File{path: path, logger: logger, stop: cancel, done: make(chan struct{})}
	if _, err := t.load(true); err != nil {
		cancel()
		return nil, err
	}
	go t.watch(ctx)
	return t, nil
}

// Check says what is wrong with a file of tokens.
func Check(path string) error {
	_, err := (&File{path: path, logger: slog.New(slog.DiscardHandler)}).load(true)
	return err
}

// Close stops looking at the file. The tokens stay valid.
func (t *File) Close() error {
	t.stop()
	<-t.done
	return nil
}

func (t *File) watch(ctx context.Context) {
	defer close(t.done)
	tick := time.NewTicker(tokenPoll)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := t.load(false)
		switch {
		case err != nil && !failing:
			t.logger.Error("token file not read; the former tokens stay valid", "path", t.path, "error", err)
		case err == nil && (changed || failing):
			t.logger.Info("token file read", "path", t.path)
		}
		failing = err != nil
	}
}

// load reads the file if it is not as it was when its tokens were taken, and,
// unless at once, has not changed since the last look.
func (t *File) load(atOnce bool) (changed bool, err error) {
	info, err := os.Stat(t.path)
	if err != nil {
		return false, fmt.Errorf("token file: %w", err)
	}
	now, before := stamp{info}, t.looked
	t.looked = now
	if readable := info.Mode()&othersRead != 0; readable != t.warned {
		if t.warned = readable; readable {
			t.logger.Warn("everybody on this machine may read the token file: give it mode 0600", "path", t.path, "mode", info.Mode().Perm().String())
		}
	}
	switch {
	case info.Mode()&othersWrite != 0:
		return false, fmt.Errorf("token file %s: everybody on this machine may write it: give it mode 0600", t.path)
	case now.equal(t.taken):
		return false, nil
	case !atOnce && !now.equal(before): // somebody may be writing it
		return false, nil
	}
	content, err := readFile(t.path)
	if err != nil {
		return false, err
	}
	tokens, err := parse(content)
	if err != nil {
		return false, fmt.Errorf("token file %s: %w", t.path, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tokens, t.taken = tokens, now
	return true, nil
}

// Identify tells who bears a token, and is ErrUnknown or another Refusal if nobody
// does.
func (t *File) Identify(_ context.Context, secret string) (who Identity, err error) {
	found, err := t.find(secret)
	if err == nil && found.who.Role == Host {
		err = errHost
	}
	if err != nil {
		return Identity{}, err
	}
	return found.who, nil
}

// Host tells which host bears a token, or AnyHost; it is a Refusal if none does.
func (t *File) Host(secret string) (name string, err error) {
	found, err := t.find(secret)
	if err == nil && found.who.Role != Host {
		err = errNoHost
	}
	if err != nil {
		return "", err
	}
	return found.host, nil
}

// find compares a token with every one, in a time that does not depend on which one
// fits.
func (t *File) find(secret string) (token, error) {
	hash := sha256.Sum256([]byte(secret))
	t.mu.RLock()
	defer t.mu.RUnlock()
	found := -1
	for i := range t.tokens {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(hash[:], t.tokens[i].hash[:]), i, found)
	}
	if found < 0 {
		return token{}, ErrUnknown
	}
	if end := t.tokens[found].expires; !end.IsZero() && !time.Now().Before(end) {
		return token{}, errEnded
	}
	return t.tokens[found], nil
}

// errHost and errNoHost refuse a token that is good for something else.
const (
	errHost   = Refusal("the token is a host's: it is good for a stream to a relay, and not for the API")
	errNoHost = Refusal("the token is not of role host")
)

// errEnded refuses a token of the file whose time is over.
const errEnded = Refusal("the token has expired")
