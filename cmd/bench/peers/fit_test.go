package main

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestFit(t *testing.T) {
	for _, c := range []struct {
		largest, size, why, err string
		installed               bool
	}{
		{largest: "M", size: "S", installed: true},
		{largest: "M", size: "M", installed: true},
		{largest: "L", size: "L", installed: true},
		{largest: "M", size: "L", installed: true, why: "up to M"},
		{largest: "L", size: "2L", installed: true, why: "up to L"},
		{largest: "none", size: "XS", installed: true, why: "not asked for"},
		{largest: "L", size: "S", why: "is not installed"},
		{largest: "XL", size: "S", installed: true, err: `"XL" is not one of`},
	} {
		p := peer{largest: c.largest, version: func(context.Context) (string, error) {
			if c.installed {
				return "1.2", nil
			}
			return "", errors.New("it is not installed")
		}}
		version, why, err := p.fit(t.Context(), c.size)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("up to %s, size %s: %v, want %s", c.largest, c.size, err, c.err)
			}
			continue
		}
		if err != nil || !strings.Contains(why, c.why) || (version == "1.2") != (c.why == "") {
			t.Errorf("up to %s, size %s: version %q, left out because %q, %v; want %q", c.largest, c.size, version, why, err, c.why)
		}
	}
}
