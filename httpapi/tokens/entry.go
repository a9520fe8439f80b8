package tokens

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ringfence/ringfence/secgroup"
)

// Entry is a token as a file has it: its hash and not itself.
type Entry struct {
	SHA256  string     `json:"token_sha256"`      // of the token, 64 hex digits
	Account string     `json:"account,omitempty"` // or AllAccounts; a host's has none
	Role    Role       `json:"role"`
	Host    string     `json:"host,omitempty"` // or AnyHost; of the role host alone
	Name    string     `json:"name"`
	Expires *time.Time `json:"expires,omitempty"`
}

// New makes a token, of 32 random bytes, and its entry.
func New(account string, role Role, name string, expires *time.Time) (secret string, e Entry) {
	random := make([]byte, 32)
	rand.Read(random)
	secret = "rf_" + base64.RawURLEncoding.EncodeToString(random)
	return secret, Entry{SHA256: HashOf(secret), Account: account, Role: role, Name: name, Expires: expires}
}

// NewHost makes a token of a host, or of AnyHost.
func NewHost(host, name string, expires *time.Time) (secret string, e Entry) {
	secret, e = New("", Host, name, expires)
	e.Host = host
	return secret, e
}

// HashOf is what an entry has of a token.
func HashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// ReadEntries returns the entries of a file, which has no fault.
func ReadEntries(path string) ([]Entry, error) {
	content, err := readFile(path)
	if err != nil {
		return nil, err
	}
	entries, err := decode(content)
	if err == nil {
		_, err = parse(content)
	}
	if err != nil {
		return nil, fmt.Errorf("token file %s: %w", path, err)
	}
	return entries, nil
}

// Update has change make the entries of a file anew from what they are: none if
// there is no file, which is made then. The file is replaced as a whole, behind a
// link if its name is one; nobody sees it half written, and who changes it at the
// same time comes before or after. It keeps its owner and its mode; a new one is
// its maker's alone. What would be a fault is not written.
func Update(path string, change func([]Entry) ([]Entry, error)) error {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, lost := os.Lstat(path); lost == nil {
			return fmt.Errorf("token file %s: it is a link to nothing", path)
		}
		real, err = path, nil
	}
	if err != nil {
		return fmt.Errorf("token file: %w", err)
	}
	release, err := lock(filepath.Dir(real))
	if err != nil {
		return fmt.Errorf("token file %s: %w", path, err)
	}
	defer release()
	entries, err := ReadEntries(real)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if entries, err = change(entries); err != nil {
		return err
	}
	if err := write(real, entries); err != nil {
		return fmt.Errorf("token file %s: %w", path, err)
	}
	return nil
}

func write(path string, entries []Entry) error {
	content, err := json.MarshalIndent(entries, "", "  ")
	if err == nil {
		_, err = parse(content)
	}
	if err != nil {
		return err
	}
	return Replace(path, append(content, '\n'))
}

// Replace puts content in a file as a whole: nobody sees it half written, and after a
// crash it is the former one or this. A new file only this user may read; one that is
// there keeps its owner and mode.
func Replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails when all went well: it has the other name then
	_, err = f.Write(content)
	if err == nil {
		err = likeBefore(f, path)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

func decode(content []byte) (entries []Entry, err error) {
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	if trimmed := bytes.TrimSpace(content); len(trimmed) > 0 && trimmed[0] == '[' {
		if err := dec.Decode(&entries); err != nil {
			return nil, err
		}
	}
	for {
		var e Entry
		err := dec.Decode(&e)
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
}

func parse(content []byte) ([]token, error) {
	entries, err := decode(content)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, errors.New("it holds no token")
	}
	tokens := make([]token, len(entries))
	first := make(map[[sha256.Size]byte]int, len(entries))
	for i, e := range entries {
		if tokens[i], err = e.parse(); err != nil {
			return nil, fmt.Errorf("token %d (%q): %w", i+1, e.Name, err)
		}
		// Who takes one of two entries out believes that the token is good no more.
		if at, twice := first[tokens[i].hash]; twice {
			return nil, fmt.Errorf("token %d (%q): it is the token of the entry %d (%q) once more", i+1, e.Name, at+1, entries[at].Name)
		}
		first[tokens[i].hash] = i
	}
	return tokens, nil
}

func (e Entry) parse() (token, error) {
	hash, err := hex.DecodeString(e.SHA256)
	switch {
	case err != nil || len(hash) != sha256.Size:
		return token{}, errors.New("token_sha256 is not 64 hex digits")
	case e.Role == Host && e.Account != "":
		return token{}, fmt.Errorf("account %q: a token of role host is no account's", e.Account)
	case e.Role == Host && e.Host != AnyHost && !secgroup.ValidHost(e.Host):
		return token{}, fmt.Errorf("host %q is neither a host's name nor *", e.Host)
	case e.Role != Host && e.Host != "":
		return token{}, fmt.Errorf("host %q: only a token of role host has one", e.Host)
	case e.Role == Host: // of no account
	case e.Account != AllAccounts && !secgroup.ValidID(e.Account):
		return token{}, fmt.Errorf("account %q is neither an id nor *", e.Account)
	case e.Role != Admin && e.Role != Member && e.Role != Viewer && e.Role != Metrics:
		return token{}, fmt.Errorf("role %q is not admin, member, viewer, metrics or host", e.Role)
	case e.Role == Metrics && e.Account != AllAccounts:
		return token{}, fmt.Errorf("account %q: the metrics are of all accounts, so that a token for them is of account *", e.Account)
	}
	t := token{hash: [sha256.Size]byte(hash), who: Identity{e.Name, e.Account, e.Role}, host: e.Host}
	if e.Expires != nil {
		t.expires = *e.Expires
	}
	return t, nil
}
