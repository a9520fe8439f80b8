package openflow

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// ParseFlow reads a flow in the syntax of ovs-ofctl(8), as String writes it:
// "table=5, priority=100,tcp,tp_dst=80 actions=resubmit(,6)". Table 0, cookie 0
// and priority 32768 are the defaults; actions must be there. The counters of
// ovs-ofctl dump-flows are skipped. Text that is not understood is an error
// that names it; timeouts and flags are not, as a Flow has none.
func ParseFlow(text string) (Flow, error) {
	f := Flow{Priority: DefaultPriority}
	rule, actions, ok := cutActions(text)
	if !ok {
		return Flow{}, fmt.Errorf("openflow: flow %q: missing actions=", text)
	}
	var (
		p    matchParser
		seen [3]bool
	)
	for rest := rule; ; {
		t, next, done, err := nextToken(rest)
		if err != nil {
			return Flow{}, fmt.Errorf("openflow: flow: %w", err)
		}
		if done {
			break
		}
		if rest = next; t.sep == '=' {
			known, err := f.attribute(t, &seen)
			if err != nil {
				return Flow{}, fmt.Errorf("openflow: flow: %s: %w", t, err)
			}
			if known {
				continue
			}
		}
		if err := p.token(t); err != nil {
			return Flow{}, fmt.Errorf("openflow: flow: %w", err)
		}
	}
	var err error
	if f.Match, err = p.match(); err != nil {
		return Flow{}, err
	}
	f.Actions, err = ParseActions(actions)
	return f, err
}

// cutActions splits a flow's text at the word actions= or action=.
func cutActions(text string) (rule, actions string, ok bool) {
	for _, word := range []string{"actions=", "action="} {
		for at := 0; ; {
			i := strings.Index(text[at:], word)
			if i < 0 {
				break
			}
			i += at
			if i == 0 || strings.IndexByte(separators, text[i-1]) >= 0 {
				return text[:i], text[i+len(word):], true
			}
			at = i + 1
		}
	}
	return "", "", false
}

// attribute takes in what is neither match nor action; known is false if the
// token is something else.
func (f *Flow) attribute(t token, seen *[3]bool) (known bool, err error) {
	once := func(i int) error {
		if seen[i] {
			return fmt.Errorf("%s is given twice", t.key)
		}
		seen[i] = true
		return nil
	}
	var v uint64
	switch t.key {
	case "table":
		if v, err = parseUint(t.value, 8); err == nil {
			f.Table, err = uint8(v), once(0)
		}
	case "priority":
		if v, err = parseUint(t.value, 16); err == nil {
			f.Priority, err = uint16(v), once(1)
		}
	case "cookie":
		if v, err = parseUint(t.value, 64); err == nil {
			f.Cookie, err = v, once(2)
		}
	case "duration", "n_packets", "n_bytes", "idle_age", "hard_age":
	default:
		return false, nil
	}
	return true, err
}

// parseBytes reads bytes as hex digits, with dots between pairs or none, or
// with 0x in front.
func parseBytes(s string) ([]byte, error) {
	digits := strings.ReplaceAll(strings.TrimPrefix(s, "0x"), ".", "")
	b, err := hex.DecodeString(digits)
	if err != nil {
		return nil, fmt.Errorf("bad bytes %q: %w", s, err)
	}
	return b, nil
}
