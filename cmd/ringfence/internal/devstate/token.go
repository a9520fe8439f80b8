package devstate

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/httpapi/tokens"
)

// devAdmin is the name of the token that "ringfence dev" makes.
const devAdmin = "dev-admin"

// EnsureAdminToken makes the admin's token at the first start, and sees to it
// that the tokens file knows it. Entries that someone has added stay.
func (d Dir) EnsureAdminToken() error {
	token, err := ReadToken(d.TokenFile())
	if errors.Is(err, os.ErrNotExist) {
		token, _ = tokens.New(tokens.AllAccounts, tokens.Admin, devAdmin, nil)
		if err := tokens.Replace(d.TokenFile(), []byte(token+"\n")); err != nil {
			return fmt.Errorf("keep the admin token: %w", err)
		}
	} else if err != nil {
		return err
	}
	return d.ensureTokenEntry(token)
}

func (d Dir) ensureTokenEntry(token string) error {
	want := tokens.Entry{SHA256: tokens.HashOf(token), Account: tokens.AllAccounts, Role: tokens.Admin, Name: devAdmin}
	entries, err := tokens.ReadEntries(d.TokensFile())
	if err != nil && !errors.Is(err, os.ErrNotExist) || slices.Contains(entries, want) {
		return err
	}
	return tokens.Update(d.TokensFile(), func(entries []tokens.Entry) ([]tokens.Entry, error) {
		others := slices.DeleteFunc(entries, func(e tokens.Entry) bool { return e.Name == devAdmin })
		return append([]tokens.Entry{want}, others...), nil
	})
}

// ReadToken is the token that a file holds.
func ReadToken(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("read the token: %s does not hold one token", file)
	}
	return token, nil
}
