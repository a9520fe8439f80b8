package main

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
)

// BeforeResolve refuses a command line that gives a flag of one value twice.
// Kong keeps the last value and says nothing: a rule for two networks would be
// one for the second alone. And it refuses a flag whose value is empty, as a
// variable of a script that is not set: --from-group "" would be as if it was not
// there, and the rule for everybody. Kong calls it once it knows which command and
// flags were given, before it fills in defaults and what the environment says.
func (*cli) BeforeResolve(ctx *kong.Context) error {
	given := map[*kong.Flag]bool{}
	for _, p := range ctx.Path {
		switch f := p.Flag; {
		case f == nil:
		case isEmpty(ctx.FlagValue(f)):
			return failure.Usage(fmt.Sprintf("--%s is empty: give it a value, or leave it out", f.Name))
		case f.IsCumulative() || f.IsCounter():
		case given[f]:
			return failure.Usage(fmt.Sprintf("--%s is given more than once, and has one value", f.Name))
		default:
			given[f] = true
		}
	}
	return nil
}

// isEmpty reports whether a flag's value is a text or a list that says nothing. A
// flag that may take a text away, such as --description, is a pointer to one.
func isEmpty(value any) bool {
	v := reflect.ValueOf(value)
	return (v.Kind() == reflect.String || v.Kind() == reflect.Slice) && v.Len() == 0
}

// isGiven reports whether the command line itself has a flag.
func isGiven(ctx *kong.Context, name string) bool {
	return slices.ContainsFunc(ctx.Path, func(p *kong.Path) bool { return p.Flag != nil && p.Flag.Name == name })
}
