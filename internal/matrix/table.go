package matrix

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/ringfence/ringfence/internal/traffic"
)

// Table is an answered matrix.
type Table struct {
	Services []traffic.Service
	Cells    []Cell // by from, to, service
}

func newTable(g Grid) *Table {
	t := &Table{Services: g.Services}
	for _, from := range g.Parties {
		for _, to := range g.Parties {
			if from == to || g.Pair != nil && !g.Pair(from, to) {
				continue
			}
			for _, s := range g.Services {
				c := Cell{From: from, To: to, Service: s, Want: No}
				if g.Want.passes(from, to, s) {
					c.Want = Yes
				}
				t.Cells = append(t.Cells, c)
			}
		}
	}
	return t
}

// Wrong lists the cells that are not as expected.
func (t *Table) Wrong() []Cell {
	var wrong []Cell
	for _, c := range t.Cells {
		if c.Got != c.Want {
			wrong = append(wrong, c)
		}
	}
	return wrong
}

func (c Cell) String() string {
	return fmt.Sprintf("%s > %s %s: expected %s, got %s (%s)", c.From.Name(), c.To.Name(), c.Service, c.Want, c.Got, c.Took.Round(1e6))
}

// String is the table for people: a line a pair, a column a service, with
// "got!" where something else was expected.
func (t *Table) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, s := range t.Services {
		fmt.Fprintf(w, "\t%s", s)
	}
	for i, c := range t.Cells {
		if i%len(t.Services) == 0 {
			fmt.Fprintf(w, "\n%s > %s", c.From.Name(), c.To.Name())
		}
		mark := ""
		if c.Got != c.Want {
			mark = "!"
		}
		fmt.Fprintf(w, "\t%s%s", c.Got, mark)
	}
	fmt.Fprintln(w)
	_ = w.Flush() // into memory
	return b.String()
}
