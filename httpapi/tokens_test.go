package httpapi

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTokenFileIsReadAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens")
	var log bytes.Buffer
	writeTokens(t, path, map[string]Identity{"one": {"ci", "acme", RoleMember}})
	f, err := OpenTokenFile(path, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	valid := func(secret string, want bool) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
			who, ok := f.Authenticate(secret)
			if ok == want {
				if ok && who != (Identity{"ci", "acme", RoleMember}) {
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
	writeTokens(t, path, map[string]Identity{"two": {"ci", "acme", RoleMember}})
	valid("two", true)
	valid("one", false)
	if err := os.WriteFile(path, []byte("not tokens"), 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * tokenPoll)
	valid("two", true) // the last good state
	writeTokens(t, path, map[string]Identity{"three": {"ci", "acme", RoleMember}})
	valid("three", true)
	f.Close()
	if !strings.Contains(log.String(), "the former tokens stay valid") || strings.Contains(log.String(), "two") {
		t.Errorf("log:\n%s", log.String())
	}
}

func TestParseTokens(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("ab", 32)
	good := `{"token_sha256":"` + hash + `","account":"*","role":"admin","name":"a"}`
	for content, want := range map[string]int{"": 0, "[]": 0, good: 1, good + "\n" + good: 2, "[" + good + "," + good + "]": 2} {
		if got, err := parseTokens([]byte(content)); err != nil || len(got) != want {
			t.Errorf("%s: %d tokens, %v", content, len(got), err)
		}
	}
	for content, want := range map[string]string{
		strings.Replace(good, hash, "abcd", 1):           "token_sha256 is not 64 hex digits",
		strings.Replace(good, `"*"`, `"a b"`, 1):         `account "a b" is neither an id nor *`,
		strings.Replace(good, `"admin"`, `"root"`, 1):    `role "root" is not admin, member or viewer`,
		strings.Replace(good, `"name"`, `"nickname"`, 1): "unknown field",
		good + "," + good: "invalid character",
		strings.Replace(good, `"account":"*",`, "", 1): `account ""`,
	} {
		if _, err := parseTokens([]byte(content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", content, err, want)
		}
	}
	if _, err := OpenTokenFile(filepath.Join(t.TempDir(), "absent"), slog.Default()); err == nil {
		t.Error("an absent file is opened")
	}
}

func FuzzParseTokens(f *testing.F) {
	f.Add([]byte(`[{"token_sha256":"00","account":"*","role":"admin","name":"a"}]`))
	f.Fuzz(func(t *testing.T, content []byte) {
		tokens, err := parseTokens(content)
		for _, token := range tokens {
			if err == nil && token.who.Account == "" {
				t.Errorf("a token of no account: %q", content)
			}
		}
	})
}
