package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/secgroup"
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
	Name    string         `arg:"" help:"Whose it is, as audit entries will have it. No other token of the file has the name."`
	Role    string         `required:"" enum:"admin,member,viewer,metrics,host" placeholder:"ROLE" help:"admin, member, viewer, metrics, which reads the metrics alone, or host, which is for a host's stream to a relay."`
	For     string         `placeholder:"ACCOUNT" help:"The account that it is good for, * for all. Default: all for an admin and for metrics, none for the others."`
	Host    string         `placeholder:"NAME" help:"The host whose it is, of a token of role host; * for all."`
	Expires *time.Duration `placeholder:"720h" help:"How long it is good. Default: until it is revoked."`
}

func (tokenCreateCmd) Help() string {
	return `The file is changed as a whole and keeps its owner and mode; a running API takes it up within a second. It is made if it is not there.

Examples:
  ringfence token create platform --role admin --tokens /etc/ringfence/tokens.json
  ringfence token create prometheus --role metrics --tokens tokens.json
  ringfence token create h1 --role host --host h1 --tokens tokens.json
  ringfence token create ci --role member --for acme --expires 2160h --tokens tokens.json`
}

// maxTokenName bounds the name of a token, in characters.
const maxTokenName = 64

// shortestToken is how long a token is good at least.
const shortestToken = time.Minute

// check says what is wrong with the flags.
func (c *tokenCreateCmd) check(g *session.Flags) error {
	printable := strings.IndexFunc(c.Name, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) < 0
	switch {
	case !printable || strings.TrimSpace(c.Name) != c.Name || c.Name == "" || utf8.RuneCountInString(c.Name) > maxTokenName:
		return failure.Usage(fmt.Sprintf("name %.80q: want 1 to %d printable characters, without spaces around them", c.Name, maxTokenName))
	case g.DryRun:
		return failure.Usage("--dry-run: a token is made or not")
	case c.For == "" && (c.Role == string(tokens.Member) || c.Role == string(tokens.Viewer)):
		return failure.Usage("--for: which account is the " + c.Role + "'s? * is all of them")
	case c.Role == string(tokens.Host) && c.For != "":
		return failure.Usage("--for: a token of role host is no account's")
	case c.Role == string(tokens.Host) && c.Host != tokens.AnyHost && !secgroup.ValidHost(c.Host):
		return failure.Usage(fmt.Sprintf("--host %q: which host is it? * is all of them", c.Host))
	case c.Role != string(tokens.Host) && c.Host != "":
		return failure.Usage("--host: only a token of role host has one")
	case c.Expires != nil && *c.Expires < shortestToken:
		return failure.Usage("--expires " + c.Expires.String() + ": want at least " + shortestToken.String())
	}
	return nil
}

// madeToken is what a new token is printed as in JSON.
type madeToken struct {
	Token string `json:"token"`
	tokens.Entry
}

func (c *tokenCreateCmd) Run(std output.Stdio, g *session.Flags) error {
	if err := c.check(g); err != nil {
		return err
	}
	var end *time.Time
	if c.Expires != nil {
		at := time.Now().Add(*c.Expires).UTC().Truncate(time.Second)
		end = &at
	}
	secret, entry := tokens.New(cmp.Or(c.For, tokens.AllAccounts), tokens.Role(c.Role), c.Name, end)
	if c.Role == string(tokens.Host) {
		secret, entry = tokens.NewHost(c.Host, c.Name, end)
	}
	err := tokens.Update(c.Tokens, func(entries []tokens.Entry) ([]tokens.Entry, error) {
		if slices.ContainsFunc(entries, func(e tokens.Entry) bool { return e.Name == c.Name }) {
			return nil, fmt.Errorf("%s has a token %q already: revoke it first, or give this one another name", c.Tokens, c.Name)
		}
		return append(entries, entry), nil
	})
	if err != nil {
		return err
	}
	out := g.Printer(std.Out)
	if out.Documents {
		return out.Value(madeToken{secret, entry})
	}
	out.Line("%s", secret)
	return nil
}

type tokenListCmd struct {
	session.ListFlags
	tokensFlag
}

func (c *tokenListCmd) Run(std output.Stdio, g *session.Flags) error {
	entries, err := tokens.ReadEntries(c.Tokens)
	if err != nil {
		return err
	}
	out := g.Printer(std.Out)
	if out.Documents {
		return out.Value(entries)
	}
	rows := make([][]output.Cell, len(entries))
	for i, e := range entries {
		end := output.Text("never")
		if e.Expires != nil {
			end = output.Text(e.Expires.Format(time.RFC3339))
			if !time.Now().Before(*e.Expires) {
				end = output.Styled(end.Text+" (has ended)", output.Red)
			}
		}
		name := e.Name
		if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
			name = quoted // nothing that a terminal would obey
		}
		rows[i] = []output.Cell{output.Text(name), output.Text(string(e.Role)), output.Text(cmp.Or(e.Account, "host "+e.Host)), end, output.Text(e.SHA256[:12])}
	}
	return out.ListTable([]string{"NAME", "ROLE", "ACCOUNT", "EXPIRES", "SHA256"}, nil, rows)
}

type tokenRevokeCmd struct {
	tokensFlag
	Names []string `arg:"" name:"name" help:"Whose tokens."`
}

func (c *tokenRevokeCmd) Run(std output.Stdio, g *session.Flags) error {
	if g.DryRun {
		return failure.Usage("--dry-run: see what there is by 'ringfence token list'")
	}
	revoked := 0
	err := tokens.Update(c.Tokens, func(entries []tokens.Entry) ([]tokens.Entry, error) {
		kept := slices.DeleteFunc(slices.Clone(entries), func(e tokens.Entry) bool { return slices.Contains(c.Names, e.Name) })
		for _, name := range c.Names {
			if !slices.ContainsFunc(entries, func(e tokens.Entry) bool { return e.Name == name }) {
				return nil, fmt.Errorf("%s has no token %q; nothing was revoked", c.Tokens, name)
			}
		}
		if len(kept) == 0 {
			return nil, fmt.Errorf("%s would hold no token, which an API takes for a fault, and keeps the former ones: make another one first; nothing was revoked", c.Tokens)
		}
		revoked = len(entries) - len(kept)
		return kept, nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(std.Out, "revoked, tokens: %d; a running API takes it up within a second\n", revoked)
	return nil
}
