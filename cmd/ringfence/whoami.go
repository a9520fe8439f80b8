package main

import "github.com/ringfence/ringfence/client"

type whoamiCmd struct{}

func (whoamiCmd) Run(s *session) error {
	var meta client.Meta
	who, err := s.api.WhoAmI(s.ctx, client.Into(&meta))
	if err != nil {
		return err
	}
	if s.out.documents {
		return s.show(meta)
	}
	account := "account " + who.Account
	if who.Account == "*" {
		account = "all accounts"
	}
	s.out.line("%s: %s of %s", who.Name, who.Role, account)
	return nil
}
