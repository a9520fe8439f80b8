package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/client"
)

// usageError is a wrong command line that kong's grammar cannot express.
type usageError string

func (e usageError) Error() string { return string(e) }

// allFaults is all that is wrong with a command line, a line each. It is a
// usageError if one of them is.
func allFaults(errs ...error) error {
	var lines []string
	usage := false
	for _, err := range errs {
		if err == nil {
			continue
		}
		var u usageError
		usage = errors.As(err, &u) || usage
		lines = append(lines, err.Error())
	}
	switch text := strings.Join(lines, "\n"); {
	case len(lines) == 0:
		return nil
	case usage:
		return usageError(text)
	default:
		return errors.New(text)
	}
}

// laggingError says that a change is made, but not yet in force everywhere.
type laggingError struct {
	revision int64
	hosts    []client.LaggingHost
}

func (e *laggingError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the change is made (revision %d), but not applied in time by", e.revision)
	for i, h := range e.hosts {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %s", h.Host)
		if h.Reason != "" {
			fmt.Fprintf(&b, " (%s)", h.Reason)
		}
	}
	return b.String()
}

// errNeeds ends a status that has said what needs somebody.
var errNeeds = errors.New("something needs somebody")
