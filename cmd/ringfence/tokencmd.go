package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/ringfence/ringfence/httpapi/tokens"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token, and print it: once, for the file has its hash alone."`
	List   tokenListCmd   `cmd:"" aliases:"ls" help:"List the tokens of a file."`
	Revoke tokenRevokeCmd `cmd:"" aliases:"rm,delete" help:"Take tokens out of a file."`
}

// tokensFlag says which file is meant.
type tokensFlag struct {
	Tokens string `required:"" type:"path" placeholder:"FILE" complete:"file" help:"The file of tokens that the API has as --tokens."`
}

type tokenCreateCmd struct {
	tokensFlag
	Name    string        `arg:"" help:"Whose it is, as audit entries will have it. No other token of the file has the name."`
	Role    string        `required:"" enum:"admin,member,viewer,metrics" placeholder:"ROLE" help:"admin, member, viewer, or metrics, which reads the metrics alone."`
	For     string        `default:"*" placeholder:"ACCOUNT" help:"The account that it is good for. Default: all."`
	Expires time.Duration `placeholder:"720h" help:"How long it is good. Default: until it is revoked."`
}

func (tokenCreateCmd) Help() string {
	return `The file is changed as a whole and keeps its owner and mode; a running API takes it up within a second. It is made if it is not there.

Examples:
  ringfence token create platform --role admin --tokens /etc/ringfence/tokens.json
  ringfence token create prometheus --role metrics --tokens tokens.json
  ringfence token create ci --role member --for acme --expires 2160h --tokens tokens.json`
}

// madeToken is what a new token is printed as in JSON.
type madeToken struct {
	Token string `json:"token"`
	tokens.Entry
}

func (c *tokenCreateCmd) Run(std stdio, g *globals) error {
	entries, err := tokens.ReadEntries(c.Tokens)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if slices.ContainsFunc(entries, func(e tokens.Entry) bool { return e.Name == c.Name }) {
		return fmt.Errorf("%s has a token %q already: revoke it first, or give this one another name", c.Tokens, c.Name)
	}
	var end *time.Time
	if c.Expires < 0 {
		return usageError("--expires " + c.Expires.String() + ": this has been")
	} else if c.Expires > 0 {
		at := time.Now().Add(c.Expires).UTC().Truncate(time.Second)
		end = &at
	}
	secret, entry := tokens.New(c.For, tokens.Role(c.Role), c.Name, end)
	if err := tokens.WriteEntries(c.Tokens, append(entries, entry)); err != nil {
		return err
	}
	out := newPrinter(std.out, g.Output == "json")
	if out.json {
		return out.value(madeToken{secret, entry})
	}
	out.line("%s", secret)
	return nil
}

type tokenListCmd struct {
	tokensFlag
}

func (c *tokenListCmd) Run(std stdio, g *globals) error {
	entries, err := tokens.ReadEntries(c.Tokens)
	if err != nil {
		return err
	}
	out := newPrinter(std.out, g.Output == "json")
	if out.json {
		return out.value(entries)
	}
	rows := make([][]cell, len(entries))
	for i, e := range entries {
		end := text("never")
		if e.Expires != nil {
			end = text(e.Expires.Format(time.RFC3339))
			if !time.Now().Before(*e.Expires) {
				end = cell{end.text + " (has ended)", red}
			}
		}
		rows[i] = []cell{text(e.Name), text(string(e.Role)), text(e.Account), end, text(e.SHA256[:12])}
	}
	out.table([]string{"NAME", "ROLE", "ACCOUNT", "EXPIRES", "SHA256"}, rows)
	return nil
}

type tokenRevokeCmd struct {
	tokensFlag
	Names []string `arg:"" name:"name" help:"Whose tokens."`
}

func (c *tokenRevokeCmd) Run(std stdio) error {
	entries, err := tokens.ReadEntries(c.Tokens)
	if err != nil {
		return err
	}
	for _, name := range c.Names {
		kept := slices.DeleteFunc(slices.Clone(entries), func(e tokens.Entry) bool { return e.Name == name })
		if len(kept) == len(entries) {
			return fmt.Errorf("%s has no token %q; nothing was revoked", c.Tokens, name)
		}
		entries = kept
	}
	if len(entries) == 0 {
		return fmt.Errorf("%s would hold no token, which an API takes for a fault, and keeps the former ones: make another one first; nothing was revoked", c.Tokens)
	}
	if err := tokens.WriteEntries(c.Tokens, entries); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "revoked; a running API takes it up within a second\n")
	return nil
}
