package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
)

// reportUsage prints what is wrong with the command line.
func reportUsage(w io.Writer, args []string, err error) int {
	text, hint := err.Error(), otherTongue(args)
	if hint != "" {
		text, _, _ = strings.Cut(text, ", did you mean") // it is known what is meant
	}
	fmt.Fprintf(w, "ringfence: %s\n", text)
	if hint != "" {
		fmt.Fprintf(w, "Here it is '%s'.\n", hint)
	}
	command := "ringfence"
	var pe *kong.ParseError
	if errors.As(err, &pe) && pe.Context != nil {
		if n := pe.Context.Selected(); n != nil {
			command = commandPath(n)
		}
	}
	fmt.Fprintf(w, "Try '%s --help'.\n", command)
	return failure.ExitUsage
}

// commandPath is how n is called, without the aliases that kong's paths show.
func commandPath(n *kong.Node) string {
	if n.Parent == nil {
		return n.Name
	}
	return commandPath(n.Parent) + " " + n.Name
}
