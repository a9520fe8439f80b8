package failure

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/client"
)

// Usage is a wrong command line that kong's grammar cannot express.
type Usage string

func (e Usage) Error() string { return string(e) }

// All is all that is wrong with a command line, a line each. It is a
// Usage if one of them is.
func All(errs ...error) error {
	var lines []string
	usage := false
	for _, err := range errs {
		if err == nil {
			continue
		}
		var u Usage
		usage = errors.As(err, &u) || usage
		lines = append(lines, err.Error())
	}
	switch text := strings.Join(lines, "\n"); {
	case len(lines) == 0:
		return nil
	case usage:
		return Usage(text)
	default:
		return errors.New(text)
	}
}

// Lagging says that a change is made, but not yet in force everywhere.
type Lagging struct {
	Revision int64
	Hosts    []client.LaggingHost
}

func (e *Lagging) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the change is made (revision %d), but not applied in time by", e.Revision)
	for i, h := range e.Hosts {
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

// ErrNeeds ends a status that has said what needs somebody.
var ErrNeeds = errors.New("something needs somebody")
