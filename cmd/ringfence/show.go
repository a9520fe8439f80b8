package main

import (
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
	tellStale(s.out, meta)
	return s.out.listTable(header, wide, rows)
}

// show prints an object's properties, or the API's document.
func (s *session) show(meta client.Meta, pairs ...[2]string) error {
	if s.out.documents {
		return s.out.raw(meta.Raw)
	}
	tellStale(s.out, meta)
	s.out.properties(pairs...)
	return nil
}
