package stack

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
)

// writeToken makes the admin's token and the file that holds its hash.
func (s *Stack) writeToken() error {
	s.Token = rand.Text()
	return s.permit(s.Token, token{Account: "*", Role: "admin", Name: "e2e"})
}

// permit has a secret be good for something from now on.
func (s *Stack) permit(secret string, t token) error {
	sum := sha256.Sum256([]byte(secret))
	t.Hash = hex.EncodeToString(sum[:])
	s.tokens = append(s.tokens, t)
	b, err := json.Marshal(s.tokens)
	if err != nil {
		return err
	}
	next := s.file("tokens.json.new")
	if err := os.WriteFile(next, b, 0o600); err != nil {
		return err
	}
	return os.Rename(next, s.file("tokens.json"))
}

// Admit makes the token of a host, unless it has one. A relay that runs knows it within a
// second, and a controller that comes before that tries again a second later.
func (s *Stack) Admit(host string) error {
	file := s.tokenFile(host)
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	secret := rand.Text()
	return errors.Join(os.WriteFile(file, []byte(secret), 0o600), s.permit(secret, token{Role: "host", Host: host, Name: host}))
}

func (s *Stack) tokenFile(host string) string { return s.file("host-" + host + ".token") }
