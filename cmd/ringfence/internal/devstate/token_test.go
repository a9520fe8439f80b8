package devstate

import (
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/httpapi/tokens"
)

func TestAdminTokenIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir := Dir(t.TempDir())
	if err := dir.EnsureAdminToken(); err != nil {
		t.Fatal(err)
	}
	token, err := ReadToken(dir.TokenFile())
	if err != nil || !strings.HasPrefix(token, "rf_") || len(token) < 40 {
		t.Fatalf("token %q, %v", token, err)
	}
	for _, file := range []string{dir.TokenFile(), dir.TokensFile()} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info.Mode(), err)
		}
	}
	if b, _ := os.ReadFile(dir.TokensFile()); strings.Contains(string(b), token) {
		t.Error("the tokens file holds the token itself")
	}
	if err := dir.EnsureAdminToken(); err != nil {
		t.Fatal(err)
	}
	if again, _ := ReadToken(dir.TokenFile()); again != token {
		t.Error("another token at the second start")
	}
	if who := identify(t, dir, token); who.Role != tokens.Admin || who.Account != tokens.AllAccounts {
		t.Errorf("the API takes the token for %+v", who)
	}
}

// Tokens that someone has added stay, and a new admin token replaces the old one.
func TestAdminTokenKeepsOtherEntries(t *testing.T) {
	t.Parallel()
	dir := Dir(t.TempDir())
	if err := dir.EnsureAdminToken(); err != nil {
		t.Fatal(err)
	}
	old, _ := ReadToken(dir.TokenFile())
	var entries []tokens.Entry
	b, err := os.ReadFile(dir.TokensFile())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &entries); err != nil {
		t.Fatal(err)
	}
	entries = append(entries, tokens.Entry{SHA256: strings.Repeat("0", 64), Account: "acme", Role: tokens.Viewer, Name: "ci"})
	b, _ = json.Marshal(entries)
	if err := os.WriteFile(dir.TokensFile(), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dir.TokenFile()); err != nil {
		t.Fatal(err)
	}
	if err := dir.EnsureAdminToken(); err != nil {
		t.Fatal(err)
	}
	b, _ = os.ReadFile(dir.TokensFile())
	if !strings.Contains(string(b), `"ci"`) || strings.Count(string(b), devAdmin) != 1 {
		t.Errorf("tokens file:\n%s", b)
	}
	if who := identify(t, dir, old); who.Name != "" {
		t.Error("the old token is still good")
	}
}

// identify asks the API's token file who bears a token.
func identify(t *testing.T, dir Dir, token string) tokens.Identity {
	t.Helper()
	file, err := tokens.Open(dir.TokensFile(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	who, _ := file.Identify(t.Context(), token)
	return who
}
