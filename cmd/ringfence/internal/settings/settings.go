// Package settings brings a server's flags from a configuration file and from
// the environment. A flag that is given wins over the environment, that over the
// file, and that over the flag's default. A key of the file is the name of a
// flag, the variable of --rate-limit is RINGFENCE_RATE_LIMIT.
//
// The file is strict: what it says and no flag is there for, what it says twice,
// and a value that the flag would not take are faults, told with their lines and
// all at once.
package settings

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// FileFlag names the flag that names the file. It cannot be in the file itself.
const FileFlag = "config"

// EnvPrefix is what the names of variables begin with.
const EnvPrefix = "RINGFENCE_"

// Variable is the variable of the environment that stands for a flag.
func Variable(flag string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Resolver is a kong.Resolver for the flags of one command.
type Resolver struct {
	command *kong.Node
	file    *File // nil: none
	getenv  func(string) string
}

// NewResolver returns the resolver of a command whose file is at path, "" if it
// has none. The error of a file with faults is a *Faults.
func NewResolver(command *kong.Node, path string, getenv func(string) string) (*Resolver, error) {
	r := &Resolver{command: command, getenv: getenv}
	if path == "" {
		return r, nil
	}
	file, err := Read(path)
	if err != nil {
		return nil, err
	}
	if err := file.Check(command); err != nil {
		return nil, err
	}
	r.file = file
	return r, nil
}

// Validate implements kong.Resolver: NewResolver has checked the file.
func (r *Resolver) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver.
func (r *Resolver) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !slices.Contains(r.command.Flags, flag) {
		return nil, nil // of the client
	}
	if v := r.getenv(Variable(flag.Name)); v != "" {
		if fault := faultOf(flag, v); fault != "" {
			return nil, fmt.Errorf("%s: %s", Variable(flag.Name), fault)
		}
		return v, nil
	}
	if r.file == nil {
		return nil, nil
	}
	if s, ok := r.file.find(flag.Name); ok {
		return s.text(flag), nil
	}
	return nil, nil
}

// Path is the file that a command line or the environment names, "" if neither
// does.
func Path(ctx *kong.Context, command *kong.Node, getenv func(string) string) string {
	for _, f := range command.Flags {
		if f.Name == FileFlag {
			path, _ := ctx.FlagValue(f).(string)
			return cmp.Or(path, getenv(Variable(FileFlag)))
		}
	}
	return ""
}
