package wire

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestErrorNamesAgreeWithOfctl compares the name of every error, and of some
// that do not exist, with the one that ovs-ofctl prints.
func TestErrorNamesAgreeWithOfctl(t *testing.T) {
	var (
		all []Error
		b   []byte
	)
	for typ, e := range errorNames {
		for code := range e.codes {
			all = append(all, Error{Type: uint16(typ), Code: uint16(code)})
		}
	}
	for code := range niciraErrors {
		all = append(all, Error{Type: errorExperimenter, Code: code, Data: []byte{0, 0, 0x23, 0x20}})
	}
	for _, e := range all {
		var err error
		if b, err = Append(b, 1, e); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "messages")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ovs-ofctl", "ofp-parse", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		if _, name, ok := strings.Cut(strings.TrimSpace(line), "(OF1.5) (xid=0x1): "); ok {
			names = append(names, name)
		}
	}
	if len(names) != len(all) {
		t.Fatalf("%d names for %d errors", len(names), len(all))
	}
	for i, e := range all {
		if names[i] != e.Name() && !strings.Contains(names[i], "decode error") {
			t.Errorf("type %d code %d is %s, ovs-ofctl says %s", e.Type, e.Code, e.Name(), names[i])
		}
	}
}

func TestErrorIsAnError(t *testing.T) {
	err := fmt.Errorf("flow: %w", Error{Type: 5, Code: 1, Data: []byte{6, 14, 0, 56, 0, 0, 0, 9}})
	if !errors.Is(err, Error{Type: 5, Code: 1}) || errors.Is(err, Error{Type: 5, Code: 2}) {
		t.Errorf("%v is not told apart", err)
	}
	if got, want := err.Error(), "flow: switch: OFPFMFC_TABLE_FULL"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	var e Error
	if !errors.As(err, &e) {
		t.Fatal("no Error inside")
	}
	if xid, typ, ok := e.Request(); xid != 9 || typ != typeFlowMod || !ok {
		t.Errorf("Request() = %d, %d, %v", xid, typ, ok)
	}
	for e, want := range map[*Error]string{
		{Type: 6, Code: 200}: "OFPET_GROUP_MOD_FAILED code 200",
		{Type: 77, Code: 1}:  "error type 77 code 1",
		{Type: errorExperimenter, Code: 1, Data: []byte{0}}: "error type 65535 code 1",
	} {
		if e.Name() != want {
			t.Errorf("Name() = %q, want %q", e.Name(), want)
		}
	}
}
