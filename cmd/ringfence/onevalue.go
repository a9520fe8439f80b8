package main

import (
	"fmt"

	"github.com/alecthomas/kong"
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
			return usageError(fmt.Sprintf("--%s is given more than once, and has one value", f.Name))
		default:
			given[f] = true
		}
	}
	return nil
}
