package kept

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/span"
)

// The file is a line that says what it is, with the SHA-256 of all that follows; a
// line of JSON, see header; and the share, as a full wire.Delta.
const (
	magic   = "ringfence-share"
	version = 1
	largest = 1 << 28 // bytes
)

// header says what share a file has.
type header struct {
	Host      string            `json:"host"`
	From      []string          `json:"from"` // where the host got it
	Revision  int64             `json:"revision"`
	Mark      string            `json:"mark,omitempty"`
	Epoch     string            `json:"epoch,omitempty"` // of the store, "" if that is not known
	Saved     time.Time         `json:"saved"`
	Newer     map[string]string `json:"newer,omitempty"`
	Elsewhere map[string]string `json:"elsewhere,omitempty"`
}

// encode writes a file.
func encode(h header, d span.Delta) ([]byte, error) {
	head, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	parts, err := wire.Encode(d, largest)
	if err != nil {
		return nil, err
	}
	if len(parts) != 1 {
		return nil, fmt.Errorf("the share takes more than %d bytes", largest)
	}
	body, err := proto.Marshal(parts[0])
	if err != nil {
		return nil, err
	}
	rest := slices.Concat(head, []byte("\n"), body)
	return append(fmt.Appendf(nil, "%s %d %x\n", magic, version, sha256.Sum256(rest)), rest...), nil
}

// decode is the inverse of encode. It reads nothing of a file of which anything is
// wrong.
func decode(file []byte) (h header, d span.Delta, err error) {
	first, rest, whole := bytes.Cut(file, []byte("\n"))
	fields := strings.Fields(string(first))
	if !whole || len(fields) != 3 || fields[0] != magic {
		return h, d, errors.New("it does not begin as such a file does: it is torn, or another one")
	}
	if v, err := strconv.Atoi(fields[1]); err != nil || v != version {
		return h, d, fmt.Errorf("it is of version %s, and this program reads version %d", fields[1], version)
	}
	if sum := sha256.Sum256(rest); hex.EncodeToString(sum[:]) != fields[2] {
		return h, d, errors.New("its checksum is wrong: it is torn or damaged")
	}
	head, body, _ := bytes.Cut(rest, []byte("\n"))
	if err := json.Unmarshal(head, &h); err != nil {
		return h, d, fmt.Errorf("its second line: %w", err)
	}
	m := &wire.Delta{}
	if err := proto.Unmarshal(body, m); err != nil {
		return h, d, fmt.Errorf("its share: %w", err)
	}
	d, faults := wire.Decode(m)
	if len(faults) > 0 {
		return h, d, fmt.Errorf("its share: %s: %s", faults[0].Object, faults[0].Reason)
	}
	if !d.Full || d.Baseline == nil {
		return h, d, errors.New("its share is not a whole one")
	}
	return h, d, nil
}

// read reads a file for a host that gets its share from there. There is no error if
// there is no file, and found is false. The header is that of a file of this host also
// if that is too old to be used.
func read(path, host string, from []string) (h header, d span.Delta, found bool, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return h, d, false, nil
	case err != nil:
		return h, d, false, err
	case info.Size() > largest:
		return h, d, false, fmt.Errorf("it has %d bytes", info.Size())
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return h, d, false, err
	}
	if h, d, err = decode(file); err != nil {
		return header{}, d, false, err
	}
	if h.Host != host {
		return header{}, d, false, fmt.Errorf("it is of host %q, and this one is %q", h.Host, host)
	}
	if !slices.ContainsFunc(from, func(a string) bool { return slices.Contains(h.From, a) }) {
		return header{}, d, false, fmt.Errorf("it is of another cluster: it came from %s, and this host is to ask %s", strings.Join(h.From, ", "), strings.Join(from, ", "))
	}
	if ahead, err := os.ReadFile(aheadOf(path)); err == nil && string(ahead) == bootID() {
		return h, d, false, errors.New("it is older than what the switch has: the program ended before it had kept the last change, and the machine has not been started anew since")
	}
	return h, d, true, nil
}

// write replaces a file as a whole: after a crash there is the old one or the new one.
func write(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// aheadOf is the file that is there while the host enforces what the file of its
// share does not have yet. It has the id of the machine's start: with that all flows
// are gone that the share could be older than.
func aheadOf(path string) string { return path + ".ahead" }

func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id") // proc(5)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(id))
}
