package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/client"
)

// listFlags are of the commands that print a list.
type listFlags struct {
	Columns []string `placeholder:"NAME" help:"Only these columns of the table, in this order; those of -o wide, too."`
}

// AfterApply has kong hand the columns to whoever prints.
func (f listFlags) AfterApply(g *globals) error { //nolint:unparam // kong takes no other hook
	g.columns = f.Columns
	return nil
}

// list prints a list's table, or the API's document. Each row has a cell for each
// name of the header, and then one for each of the wide ones, which -o wide shows.
func (s *session) list(meta client.Meta, header, wide []string, rows [][]cell) error {
	if s.out.documents {
		return s.out.raw(meta.Raw)
	}
	s.out.tellStale(meta)
	return s.out.listTable(header, wide, rows)
}

// listTable prints the columns that were asked for.
func (p *printer) listTable(header, wide []string, rows [][]cell) error {
	all := slices.Concat(header, wide)
	switch {
	case len(p.columns) == 0 && p.format == formatWide:
		header = all
	case len(p.columns) > 0:
		chosen := make([]int, len(p.columns))
		for i, name := range p.columns {
			name = strings.NewReplacer("-", " ", "_", " ").Replace(strings.TrimSpace(name))
			if chosen[i] = slices.IndexFunc(all, func(h string) bool { return strings.EqualFold(h, name) }); chosen[i] < 0 {
				return usageError(fmt.Sprintf("--columns: there is no column %q, there are %s", name, strings.Join(all, ", ")))
			}
		}
		header, rows = pick(chosen, all), slices.Clone(rows)
		for i, row := range rows {
			rows[i] = pick(chosen, row)
		}
	}
	p.table(header, rows)
	return nil
}

// pick returns the elements at some places.
func pick[T any](places []int, of []T) []T {
	out := make([]T, len(places))
	for i, at := range places {
		out[i] = of[at]
	}
	return out
}

// show prints an object's properties, or the API's document.
func (s *session) show(meta client.Meta, pairs ...[2]string) error {
	if s.out.documents {
		return s.out.raw(meta.Raw)
	}
	s.out.tellStale(meta)
	s.out.properties(pairs...)
	return nil
}
