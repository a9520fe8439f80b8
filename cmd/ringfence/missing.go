package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
)

// explained has a refusal that says "no such object" name the object. The API
// gives one answer for what is not there and for what is not the caller's, and
// does not say whether it is the account: that is asked for here.
func (c *cli) explained(ctx context.Context, std output.Stdio, err error) error {
	var p *client.Problem
	if !errors.As(err, &p) || p.Code != "not-found" || p.Detail != anyMissing || len(p.Errors) > 0 {
		return err
	}
	account, object := missing(p.Instance)
	switch {
	case account == "" && object == "":
		return err
	case account == "":
		p.Detail = "there is no " + object
		return err
	}
	if object == "" {
		object = "NIC or group that the flags name"
	}
	s, sessionErr := c.Session(ctx, std)
	if sessionErr != nil {
		return err
	}
	switch _, accountErr := s.API.Account(ctx, account); {
	case client.IsNotFound(accountErr):
		p.Detail = fmt.Sprintf("no account %s (--account, RINGFENCE_ACCOUNT), or the token is not good for it: an admin's first write makes an account", account)
	case accountErr == nil:
		p.Detail = fmt.Sprintf("account %s has no %s", account, object)
	}
	return err
}

// anyMissing is the API's one answer.
const anyMissing = "no such object"

// kinds are the objects that a path names, by the part of it before their ids.
var kinds = map[string]string{
	"networks": "network", "nics": "NIC", "hosts": "host", "instances": "instance", "security-groups": "group", "rules": "rule",
	"shares": "share with account", "traces": "trace",
}

// missing reads which object a request was about: that of its account, if it has
// one.
func missing(path string) (account, object string) {
	parts := strings.Split(strings.TrimPrefix(path, "/v1/"), "/")
	for i := range parts {
		if p, err := url.PathUnescape(parts[i]); err == nil {
			parts[i] = p
		}
	}
	if parts[0] == "accounts" && len(parts) > 1 {
		account, parts = parts[1], parts[2:]
	}
	for i := 0; i+1 < len(parts); i += 2 {
		if kind := kinds[parts[i]]; kind != "" {
			name := kind + " " + parts[i+1]
			switch {
			case object == "":
				object = name
			case kind == "rule":
				object = name + " in " + object
			default: // of two things that belong together: which it is, the API does not say
				object += ", or no " + name
			}
		}
	}
	return account, object
}
