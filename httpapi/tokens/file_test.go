package tokens

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func writeFile(t *testing.T, path string, tokens map[string]Identity) {
	t.Helper()
	var b strings.Builder
	for secret, who := range tokens {
		hash := sha256.Sum256([]byte(secret))
		line, err := json.Marshal(Entry{SHA256: hex.EncodeToString(hash[:]), Account: who.Account, Role: who.Role, Name: who.Name})
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFileIsReadAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens")
	var log bytes.Buffer
	writeFile(t, path, map[string]Identity{"one": {"ci", "acme", Member}})
	f, err := Open(path, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	valid := func(secret string, want bool) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
			who, err := f.Identify(t.Context(), secret)
			ok := err == nil
			if ok == want {
				if ok && who != (Identity{"ci", "acme", Member}) {
					t.Errorf("%s is %+v", secret, who)
				}
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("token %q: valid %v, want %v", secret, ok, want)
			}
		}
	}
	valid("one", true)
	valid("two", false)
	writeFile(t, path, map[string]Identity{"two": {"ci", "acme", Member}})
	valid("two", true)
	valid("one", false)
	two, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range []string{"not tokens", "", "[]", " \n", string(two[:len(two)/2]), "[" + string(two)} {
		if err := os.WriteFile(path, []byte(fault), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * tokenPoll) // what must not happen has its time
		valid("two", true)        // the last good state
	}
	writeFile(t, path, map[string]Identity{"three": {"ci", "acme", Member}})
	valid("three", true)
	f.Close()
	if !strings.Contains(log.String(), "the former tokens stay valid") || strings.Contains(log.String(), "two") {
		t.Errorf("log:\n%s", log.String())
	}
}

// A file that everybody may read is complained of; one that everybody may write
// holds the tokens of anybody, and is not believed.
func TestFileOfEverybody(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens")
	log := &safeBuffer{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	writeFile(t, path, map[string]Identity{"one": {"ci", "acme", Member}})
	mode := func(m os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, m); err != nil {
			t.Fatal(err)
		}
	}
	mode(0o606)
	if _, err := Open(path, logger); err == nil || !strings.Contains(err.Error(), "may write it") {
		t.Errorf("a file that everybody may write: %v", err)
	}
	mode(0o644)
	f, err := Open(path, logger)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !strings.Contains(log.String(), "may read the token file") || !strings.Contains(log.String(), "-rw-r--r--") {
		t.Errorf("log:\n%s", log)
	}
	mode(0o602)
	writeFile(t, path, map[string]Identity{"evil": {"ci", "*", Admin}})
	time.Sleep(3 * tokenPoll) // what must not happen has its time
	if _, err := f.Identify(t.Context(), "evil"); err == nil {
		t.Error("a token that anybody may have written is valid")
	}
	if _, err := f.Identify(t.Context(), "one"); err != nil {
		t.Error("the former token is not valid")
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("ab", 32)
	good := `{"token_sha256":"` + hash + `","account":"*","role":"admin","name":"a"}`
	other := strings.Replace(good, hash, strings.Repeat("cd", 32), 1)
	for content, want := range map[string]int{good: 1, good + "\n" + other: 2, "[" + good + "," + other + "]": 2} {
		if got, err := parse([]byte(content)); err != nil || len(got) != want {
			t.Errorf("%s: %d tokens, %v", content, len(got), err)
		}
	}
	for content, want := range map[string]string{
		strings.Replace(good, hash, "abcd", 1):                                                "token_sha256 is not 64 hex digits",
		strings.Replace(good, `"*"`, `"a b"`, 1):                                              `account "a b" is neither an id nor *`,
		strings.Replace(good, `"admin"`, `"root"`, 1):                                         `role "root" is not admin, member, viewer, metrics or host`,
		strings.Replace(good, `"name"`, `"nickname"`, 1):                                      "unknown field",
		strings.Replace(strings.Replace(good, `"admin"`, `"metrics"`, 1), `"*"`, `"acme"`, 1): "the metrics are of all accounts",
		strings.Replace(good, `"name"`, `"expires":"soon","name"`, 1):                         "parsing time",
		good + "," + other: "invalid character",
		// Whoever took one of them out would believe that the token is gone.
		good + other + strings.Replace(strings.Replace(good, hash, strings.ToUpper(hash), 1), `"a"`, `"b"`, 1): `token 3 ("b"): it is the token of the entry 1 ("a") once more`,
		"": "no token", "[]": "no token", "\n": "no token",
		strings.Replace(good, `"account":"*",`, "", 1): `account ""`,
	} {
		if _, err := parse([]byte(content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", content, err, want)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "absent"), slog.Default()); err == nil {
		t.Error("an absent file is opened")
	}
}

// all has these be the entries, whatever was.
func all(entries ...Entry) func([]Entry) ([]Entry, error) {
	return func([]Entry) ([]Entry, error) { return entries, nil }
}

// Of those who change a file at once none undoes what another did.
func TestUpdatesAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, link := filepath.Join(dir, "real", "tokens"), filepath.Join(dir, "link")
	if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), os.Symlink(path, link)); err != nil {
		t.Fatal(err)
	}
	if err := Update(link, all()); err == nil || !strings.Contains(err.Error(), "link to nothing") {
		t.Errorf("a link to nothing: %v", err)
	}
	const writers = 20
	add := func(to string) error {
		return Update(to, func(before []Entry) ([]Entry, error) {
			_, e := New("acme", Viewer, "one", nil)
			return append(before, e), nil
		})
	}
	if err := add(path); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			if err := add(link); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, err := ReadEntries(path); err != nil || len(got) != writers+1 {
		t.Errorf("%d tokens, want %d: %v", len(got), writers+1, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link has become %v, %v", info.Mode(), err)
	}
}

// What has no end is not read.
func TestFileIsRegular(t *testing.T) {
	t.Parallel()
	large := filepath.Join(t.TempDir(), "large")
	if err := errors.Join(os.WriteFile(large, nil, 0o600), os.Truncate(large, maxFile+1)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/dev/zero": "no regular file", t.TempDir(): "no regular file", large: "may have"} {
		if _, err := ReadEntries(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
		if err := Check(path); err == nil {
			t.Errorf("%s is taken for a file of tokens", path)
		}
	}
}

// A token ends when it says, and no other does with it.
func TestTokensExpire(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens")
	past, future := time.Now().Add(-time.Second), time.Now().Add(time.Hour)
	ended, a := New("acme", Member, "ended", &past)
	good, b := New("acme", Member, "good", &future)
	if err := Update(path, all(a, b)); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if who, err := f.Identify(t.Context(), ended); err == nil {
		t.Errorf("a token that has ended is %+v", who)
	}
	if who, err := f.Identify(t.Context(), good); err != nil || who != (Identity{"good", "acme", Member}) {
		t.Errorf("a token that has not is %+v, %v", who, err)
	}
}

// Who writes a file keeps whose it is, and never leaves it without a good token.
func TestUpdateKeepsTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens")
	_, e := New(AllAccounts, Admin, "a", nil)
	if err := Update(path, all(e)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a new file has mode %v, %v", info.Mode(), err)
	}
	const service = 65534
	if err := errors.Join(os.Chown(path, service, service), os.Chmod(path, 0o640)); err != nil {
		t.Fatal(err)
	}
	_, more := New("acme", Viewer, "b", nil)
	if err := Update(path, all(e, more)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); owner.Uid != service || owner.Gid != service || info.Mode().Perm() != 0o640 {
		t.Errorf("after a change it is of %d:%d with mode %v", owner.Uid, owner.Gid, info.Mode())
	}
	if err := Update(path, all()); err == nil {
		t.Error("a file without a token is written")
	}
	if got, err := ReadEntries(path); err != nil || len(got) != 2 || got[0] != e || got[1] != more {
		t.Errorf("it holds %+v, %v", got, err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`[{"token_sha256":"00","account":"*","role":"admin","name":"a"}]`))
	f.Fuzz(func(t *testing.T, content []byte) {
		tokens, err := parse(content)
		for _, token := range tokens {
			if err == nil && token.who.Account == "" {
				t.Errorf("a token of no account: %q", content)
			}
		}
	})
}

// safeBuffer is a log that is read while it is written.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
