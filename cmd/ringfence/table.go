package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// table prints aligned columns under a header. An empty field shows as "-"; what a
// row has beyond the header is not shown.
func (p *printer) table(header []string, rows [][]cell) {
	width := make([]int, len(header))
	for i, h := range header {
		width[i] = utf8.RuneCountInString(h)
	}
	for _, row := range rows {
		for i := range header {
			if row[i].text == "" {
				row[i] = cell{"-", dim}
			}
			width[i] = max(width[i], utf8.RuneCountInString(row[i].text))
		}
	}
	head := make([]cell, len(header))
	for i, h := range header {
		head[i] = cell{h, bold}
	}
	p.row(head, width)
	for _, row := range rows {
		p.row(row[:len(header)], width)
	}
}

func (p *printer) row(row []cell, width []int) {
	var b strings.Builder
	for i, c := range row {
		b.WriteString(p.paint(c.style, c.text))
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(c.text)+2))
		}
	}
	fmt.Fprintln(p.w, b.String())
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
