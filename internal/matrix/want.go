package matrix

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/internal/traffic"
)

// Want says what is expected to pass. Everything else is expected not to.
type Want struct {
	lines []wantLine
}

type wantLine struct {
	from, to string
	services []traffic.Service
}

// ParseWant reads lines such as
//
//	web -> db: tcp/5432 icmp
//	* -> web@h1: udp4/53
//
// A name is a party's, a role's, or * for every party. What a line allows
// does not hold from a party to itself, which is never asked.
func ParseWant(text string) (Want, error) {
	var w Want
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		pair, list, ok := strings.Cut(line, ":")
		from, to, ok2 := strings.Cut(pair, "->")
		if !ok || !ok2 {
			return Want{}, fmt.Errorf("line %q is not of the form FROM -> TO: SERVICE…", line)
		}
		services, err := ParseServices(list)
		if err != nil {
			return Want{}, fmt.Errorf("line %q: %w", line, err)
		}
		w.lines = append(w.lines, wantLine{strings.TrimSpace(from), strings.TrimSpace(to), services})
	}
	return w, nil
}

// ParseServices reads services separated by blanks.
func ParseServices(text string) ([]traffic.Service, error) {
	var all []traffic.Service
	for field := range strings.FieldsSeq(text) {
		s, err := traffic.ParseService(field)
		if err != nil {
			return nil, err
		}
		all = append(all, s...)
	}
	return all, nil
}

// unknown returns a name or a service that the matrix does not have: a
// misspelt expectation must not pass for a denial.
func (w Want) unknown(parties []*Party, services []traffic.Service) error {
	for _, l := range w.lines {
		for _, name := range []string{l.from, l.to} {
			if !slices.ContainsFunc(parties, func(p *Party) bool { return p.named(name) }) {
				return fmt.Errorf("the expectation names %q, which is no party", name)
			}
		}
		for _, s := range l.services {
			if !slices.Contains(services, s) {
				return fmt.Errorf("the expectation names %s, which is not asked", s)
			}
		}
	}
	return nil
}

func (w Want) passes(from, to *Party, s traffic.Service) bool {
	return slices.ContainsFunc(w.lines, func(l wantLine) bool {
		return from.named(l.from) && to.named(l.to) && slices.Contains(l.services, s)
	})
}
