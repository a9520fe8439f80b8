package look

import (
	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// WhoAmI is "ringfence whoami": whose the token is, and what it is good for.
type WhoAmI struct{}

func (WhoAmI) Run(s *session.Session) error {
	var meta client.Meta
	who, err := s.API.WhoAmI(s.Ctx, client.Into(&meta))
	if err != nil {
		return err
	}
	if s.Out.Documents {
		return s.Show(meta)
	}
	account := "account " + who.Account
	if who.Account == "*" {
		account = "all accounts"
	}
	s.Out.Line("%s: %s of %s", who.Name, who.Role, account)
	return nil
}
