package session

import (
	"iter"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
)

// ListFlags are of the commands that print a list.
type ListFlags struct {
	Columns []string `placeholder:"NAME" help:"Only these columns of the table, in this order; those of -o wide, too."`
}

// AfterApply has kong hand the columns to whoever prints.
func (f ListFlags) AfterApply(g *Flags) error { //nolint:unparam // kong takes no other hook
	g.columns = f.Columns
	return nil
}

// List prints a list's table, or the API's document. Each row has a cell for each
// name of the header, and then one for each of the wide ones, which -o wide shows.
func (s *Session) List(meta client.Meta, header, wide []string, rows [][]output.Cell) error {
	if s.Out.Documents {
		return s.Out.Raw(meta.Raw)
	}
	TellStale(s.Out, meta)
	return s.Out.ListTable(header, wide, rows)
}

// ListAll prints a list of the API as List does, with a row for each item. meta is what
// the API says of it while it is read.
func ListAll[T any](s *Session, meta *client.Meta, items iter.Seq2[T, error], header, wide []string, row func(T) []output.Cell) error {
	all, err := client.Collect(items)
	if err != nil {
		return err
	}
	if s.Out.Documents {
		return s.Show(*meta)
	}
	rows := make([][]output.Cell, len(all))
	for i, item := range all {
		rows[i] = row(item)
	}
	return s.List(*meta, header, wide, rows)
}

// Show prints an object's properties, or the API's document.
func (s *Session) Show(meta client.Meta, pairs ...[2]string) error {
	if s.Out.Documents {
		return s.Out.Raw(meta.Raw)
	}
	TellStale(s.Out, meta)
	s.Out.Properties(pairs...)
	return nil
}
