package main

import (
	"fmt"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
)

// BeforeResolve refuses a command line that gives a flag of one value twice.
// Kong keeps the last value and says nothing: a rule for two networks would be
// one for the second alone. Kong calls it once it knows which command and flags
// were given, before it fills in defaults and what the environment says.
func (*cli) BeforeResolve(ctx *kong.Context) error {
	given := map[*kong.Flag]bool{}
	for _, p := range ctx.Path {
		switch f := p.Flag; {
		case f == nil || f.IsCumulative() || f.IsCounter():
		case given[f]:
			return failure.Usage(fmt.Sprintf("--%s is given more than once, and has one value", f.Name))
		default:
			given[f] = true
		}
	}
	return nil
}

// isGiven reports whether the command line itself has a flag.
func isGiven(ctx *kong.Context, name string) bool {
	return slices.ContainsFunc(ctx.Path, func(p *kong.Path) bool { return p.Flag != nil && p.Flag.Name == name })
}
