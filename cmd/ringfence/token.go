package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// devAdmin is the name of the token that "ringfence dev" makes.
const devAdmin = "dev-admin"

// tokenEntry is one line of a tokens file.
type tokenEntry struct {
	SHA256  string `json:"token_sha256"` // of the token, hex
	Account string `json:"account"`      // "*" = all
	Role    string `json:"role"`         // "admin", "member", "viewer"
	Name    string `json:"name"`
}

// ensureAdminToken makes the admin's token at the first start, and sees to it
// that the tokens file knows it. Entries that someone has added stay.
func (d stateDir) ensureAdminToken() error {
	token, err := readToken(d.tokenFile())
	if errors.Is(err, os.ErrNotExist) {
		random := make([]byte, 32)
		if _, err := rand.Read(random); err != nil {
			return fmt.Errorf("make the admin token: %w", err)
		}
		token = "rf_" + base64.RawURLEncoding.EncodeToString(random)
		if err := writePrivate(d.tokenFile(), token+"\n"); err != nil {
			return fmt.Errorf("keep the admin token: %w", err)
		}
	} else if err != nil {
		return err
	}
	return d.ensureTokenEntry(token)
}

func (d stateDir) ensureTokenEntry(token string) error {
	var entries []tokenEntry
	if b, err := os.ReadFile(d.tokensFile()); err == nil {
		if err := json.Unmarshal(b, &entries); err != nil {
			return fmt.Errorf("read %s: %w", d.tokensFile(), err)
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read the tokens: %w", err)
	}
	sum := sha256.Sum256([]byte(token))
	want := tokenEntry{hex.EncodeToString(sum[:]), "*", "admin", devAdmin}
	kept := []tokenEntry{want}
	for _, e := range entries {
		if e == want {
			return nil
		}
		if e.Name != devAdmin {
			kept = append(kept, e)
		}
	}
	b, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the tokens: %w", err)
	}
	if err := writePrivate(d.tokensFile(), string(b)+"\n"); err != nil {
		return fmt.Errorf("keep the tokens: %w", err)
	}
	return nil
}

// writePrivate puts content in a file that only this user may read. The file
// is replaced as a whole, never seen half written.
func writePrivate(file, content string) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = tmp.WriteString(content)
	if err == nil {
		err = tmp.Sync()
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}
