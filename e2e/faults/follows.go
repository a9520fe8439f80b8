package faults

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// notices is how long a controller takes, once it follows its switch, until it would
// notice that this has forgotten its connections.
const notices = time.Second

// follows complains of a controller that does not follow its switch since it was
// started last. Its host's report tells nothing of that: it is the one of before.
func (p *Plane) follows(name string) error {
	log, err := os.ReadFile(p.log(name))
	if err != nil {
		return err
	}
	since, ok := followsSince(string(log[min(int64(len(log)), p.sites[name].logged):]))
	if !ok || time.Since(since) < notices {
		return fmt.Errorf("%s has only been started", name)
	}
	return nil
}

// followsSince reads in a controller's log since when it follows its switch.
func followsSince(log string) (at time.Time, ok bool) {
	for line := range strings.Lines(log) {
		text, rest, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
		if ok || !strings.Contains(rest, `msg="connected to the switch"`) {
			continue
		}
		when, err := time.Parse("2006-01-02T15:04:05.999Z07:00", text)
		at, ok = when, err == nil
	}
	return at, ok
}
