package unixctl

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Revalidation says how busy the revalidators of a datapath are: they keep
// its cached megaflows in line with the OpenFlow tables.
type Revalidation struct {
	Datapath string        // such as "system@ovs-system"
	Flows    uint64        // megaflows cached now
	Limit    uint64        // as many may be cached
	Duration time.Duration // of the last pass; whole milliseconds, at least one
}

// Revalidations asks upcall/show: one entry per datapath.
func (c *Client) Revalidations(ctx context.Context) ([]Revalidation, error) {
	const method = "upcall/show"
	text, err := c.Call(ctx, method)
	if err != nil {
		return nil, err
	}
	r, err := ParseRevalidations(text)
	if err != nil {
		return nil, &OpError{Op: method, Err: err}
	}
	return r, nil
}

// AwaitPass returns when a pass of the revalidators over the cached megaflows has
// ended that had not when it was called (revalidator/wait); it may have begun
// before. With several datapaths OVS refuses.
func (c *Client) AwaitPass(ctx context.Context) error {
	_, err := c.Call(ctx, "revalidator/wait")
	return err
}

// AwaitTurn returns when ovs-vswitchd's main loop has come to its commands: what
// it takes in over OpenFlow from then on is in a later turn of the loop than
// anything that it answered before the call.
func (c *Client) AwaitTurn(ctx context.Context) error {
	_, err := c.Call(ctx, "version")
	return err
}

// PurgeMegaflows deletes every cached megaflow (revalidator/purge): the next
// packet of each is translated by the tables again.
func (c *Client) PurgeMegaflows(ctx context.Context) error {
	// A megaflow that a revalidator looks at just then is left out.
	for range 2 {
		if _, err := c.Call(ctx, "revalidator/purge"); err != nil {
			return err
		}
	}
	return nil
}

// ParseRevalidations reads the answer of upcall/show. Lines that it does not
// know (releases differ in them) count as little as the threads' own lines;
// the two that it needs must be there and well formed.
func ParseRevalidations(text string) ([]Revalidation, error) {
	var all []Revalidation
	var found int
	check := func() error {
		if len(all) > 0 && found != 2 {
			return fmt.Errorf("datapath %s: no flows or no dump duration", all[len(all)-1].Datapath)
		}
		return nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutSuffix(line, ":"); ok && !strings.HasPrefix(line, " ") {
			if err := check(); err != nil {
				return nil, err
			}
			all, found = append(all, Revalidation{Datapath: name}), 0
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("line %q belongs to no datapath", line)
		}
		r := &all[len(all)-1]
		var err error
		switch strings.TrimSpace(key) {
		case "flows":
			found++
			err = r.parseFlows(value)
		case "dump duration":
			found++
			r.Duration, err = parseMillis(value)
		}
		if err != nil {
			return nil, fmt.Errorf("line %q: %w", line, err)
		}
	}
	return all, check()
}

// parseFlows reads " (current 4) (avg 0) (max 0) (limit 10000)".
func (r *Revalidation) parseFlows(s string) error {
	var seen seen
	for part := range strings.SplitSeq(s, ")") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		key, value, ok := strings.Cut(strings.TrimPrefix(part, "("), " ")
		n, err := number[uint64](value)
		if !ok || err != nil {
			return fmt.Errorf("token %q is no (name number)", part)
		}
		if err := seen.add(key); err != nil {
			return err
		}
		switch key {
		case "current":
			r.Flows = n
		case "limit":
			r.Limit = n
		}
	}
	return seen.need("current", "limit")
}

// parseMillis reads " 12ms".
func parseMillis(s string) (time.Duration, error) {
	digits, ok := strings.CutSuffix(strings.TrimSpace(s), "ms")
	n, err := number[uint32](digits)
	if !ok || err != nil {
		return 0, fmt.Errorf("%q is no number of milliseconds", s)
	}
	return time.Duration(n) * time.Millisecond, nil
}
