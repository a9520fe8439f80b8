package output

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
)

// Table prints aligned columns under a header. An empty field shows as "-"; what a
// row has beyond the header is not shown.
func (p *Printer) Table(header []string, rows [][]Cell) {
	width := make([]int, len(header))
	for i, h := range header {
		width[i] = utf8.RuneCountInString(h)
	}
	for _, row := range rows {
		for i := range header {
			if row[i].Text == "" {
				row[i] = Cell{"-", Dim}
			}
			width[i] = max(width[i], utf8.RuneCountInString(row[i].Text))
		}
	}
	head := make([]Cell, len(header))
	for i, h := range header {
		head[i] = Cell{h, Bold}
	}
	p.row(head, width)
	for _, row := range rows {
		p.row(row[:len(header)], width)
	}
}

func (p *Printer) row(row []Cell, width []int) {
	var b strings.Builder
	for i, c := range row {
		b.WriteString(p.Paint(c.Style, c.Text))
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(c.Text)+2))
		}
	}
	fmt.Fprintln(p.w, b.String())
}

// ListTable prints the columns that were asked for.
func (p *Printer) ListTable(header, wide []string, rows [][]Cell) error {
	all := slices.Concat(header, wide)
	switch {
	case len(p.columns) == 0 && p.format == formatWide:
		header = all
	case len(p.columns) > 0:
		chosen := make([]int, len(p.columns))
		for i, name := range p.columns {
			name = strings.NewReplacer("-", " ", "_", " ").Replace(strings.TrimSpace(name))
			if chosen[i] = slices.IndexFunc(all, func(h string) bool { return strings.EqualFold(h, name) }); chosen[i] < 0 {
				return failure.Usage(fmt.Sprintf("--columns: there is no column %q, there are %s", name, strings.Join(all, ", ")))
			}
		}
		header, rows = pick(chosen, all), slices.Clone(rows)
		for i, row := range rows {
			rows[i] = pick(chosen, row)
		}
	}
	p.Table(header, rows)
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
