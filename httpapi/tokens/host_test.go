package tokens

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
)

// TestHostTokens: a host's token is good for hosts alone, and of others none is.
func TestHostTokens(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens")
	one, first := NewHost("h1", "h1", nil)
	any, second := NewHost(AnyHost, "all of them", nil)
	admin, third := New(AllAccounts, Admin, "platform", nil)
	if err := Update(path, func([]Entry) ([]Entry, error) { return []Entry{first, second, third}, nil }); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for secret, want := range map[string]string{one: "h1", any: AnyHost, admin: "", "nobody's": ""} {
		if got, err := f.Host(secret); got != want || (err != nil) != (want == "") {
			t.Errorf("a token of %q is one of %q: %v", want, got, err)
		}
		who, err := f.Identify(t.Context(), secret)
		if ok := secret == admin; ok != (err == nil) {
			t.Errorf("a token of host %q is good for the API as %+v: %v", want, who, err)
		}
	}
	for fault, e := range map[string]Entry{
		"is no account's":  {SHA256: first.SHA256, Account: AllAccounts, Role: Host, Host: "h1"},
		"neither a host's": {SHA256: first.SHA256, Role: Host},
		"a host's name":    {SHA256: first.SHA256, Role: Host, Host: "a/b"},
		"only a token of":  {SHA256: first.SHA256, Account: "acme", Role: Member, Host: "h1"},
	} {
		if _, err := e.parse(); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%+v: %v, want %s", e, err, fault)
		}
	}
}
