package main

import (
	"context"
	"io"
	"iter"
	"os"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// completeTimeout is how long a Tab may take.
const completeTimeout = 500 * time.Millisecond

// maxCandidates is as many names as anyone reads.
const maxCandidates = 200

// objects asks the API for the names of objects of a kind. Nothing is said
// about failures: completion just offers nothing then.
func (p *place) objects(ctx context.Context, kind string) []candidate {
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	g := session.Flags{
		Server:    p.setting("server", "RINGFENCE_SERVER"),
		TokenFile: p.setting("token-file", ""),
		CACert:    p.setting("ca-cert", "RINGFENCE_CA_CERT"),
		Account:   p.setting("account", "RINGFENCE_ACCOUNT"),
		Timeout:   completeTimeout,
		Version:   version,
	}
	s, err := g.Session(ctx, output.Stdio{Out: io.Discard, Err: io.Discard})
	if err != nil {
		return nil
	}
	defer s.API.Close()
	limit := client.Limit(maxCandidates)
	switch kind {
	case "account":
		return names(s.API.Accounts(ctx, limit), func(a client.Account) candidate { return candidate{value: a.ID} })
	case "network":
		return names(s.API.Networks(ctx, limit), func(n client.Network) candidate { return candidate{value: n.ID} })
	case "host":
		return names(s.API.Hosts(ctx, limit), func(h client.Host) candidate { return candidate{value: h.ID} })
	}
	if g.Account == "" {
		return nil
	}
	switch kind {
	case "group":
		return names(s.API.Groups(ctx, g.Account, limit), func(g client.Group) candidate { return candidate{g.Name, g.Description} })
	case "instance":
		return names(s.API.Instances(ctx, g.Account, limit), func(i client.Instance) candidate { return candidate{i.ID, i.Name} })
	case "nic":
		return names(s.API.NICs(ctx, g.Account, limit), func(n client.NIC) candidate { return candidate{n.ID, n.Instance} })
	case "rule":
		if len(p.args) == 0 {
			return nil
		}
		t, err := g.Tenant(s)
		if err != nil {
			return nil
		}
		group, err := t.Group(p.args[0])
		if err != nil {
			return nil
		}
		return names(s.API.Rules(ctx, g.Account, group.ID, limit), func(r client.Rule) candidate { return candidate{r.ID, t.Sentence(r)} })
	}
	return nil
}

// setting is a flag's value, or the environment's.
func (p *place) setting(flag, env string) string {
	if v := p.flags[flag]; v != "" {
		return v
	}
	if env == "" {
		return ""
	}
	return os.Getenv(env)
}

// names makes candidates of the first items of a list.
func names[T any](list iter.Seq2[T, error], name func(T) candidate) []candidate {
	var out []candidate
	for item, err := range list {
		if err != nil || len(out) == maxCandidates {
			break
		}
		out = append(out, name(item))
	}
	return out
}
