package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// column is where the figures of a table's column are: in a run, or in those of its lines whose
// members are as where says.
type column struct {
	run   *measured
	where []string
}

func (c column) find(figure string, where []string) (line, error) {
	return c.run.find(figure, slices.Concat(c.where, where))
}

// cells are what columns have of a figure, a dash for those that have it not: not every engine
// has every figure. One that none has is a mistake.
func cells(columns []column, figure string, where []string, cell func(column, line) (string, error)) (string, error) {
	var out []string
	var missing error
	none := true
	for _, c := range columns {
		l, err := c.find(figure, where)
		if errors.Is(err, errMissing) {
			missing = err
			out = append(out, "-")
			continue
		}
		if err != nil {
			return "", err
		}
		text, err := cell(c, l)
		if err != nil {
			return "", fmt.Errorf("%s%s: %w", c.run.name, extension, err)
		}
		none = false
		out = append(out, text)
	}
	if none {
		return "", missing
	}
	return strings.Join(out, " | "), nil
}

// value are a figure's values.
func value(columns []column, figure string, where ...string) (string, error) {
	return part("value", columns, figure, where...)
}

// part are members of a figure that have its unit.
func part(member string, columns []column, figure string, where ...string) (string, error) {
	return cells(columns, figure, where, func(_ column, l line) (string, error) {
		n, err := l.number(member)
		return human(n, l.text("unit")), err
	})
}

// least are a figure's values with the least that was measured, where more than one was.
func least(columns []column, figure string, where ...string) (string, error) {
	return cells(columns, figure, where, func(_ column, l line) (string, error) {
		n, err := l.number("value")
		if err != nil || l.text("n") == "1" {
			return human(n, l.text("unit")), err
		}
		m, err := l.number("min")
		text, low := human(n, l.text("unit")), human(m, l.text("unit"))
		if _, unit, ok := strings.Cut(text, " "); ok {
			low = strings.TrimSuffix(low, " "+unit)
		}
		return text + " (" + low + ")", err
	})
}

// ratio are a figure's values with their ratios to what they are compared with, if they are.
func ratio(columns []column, figure string, where ...string) (string, error) {
	return cells(columns, figure, where, func(_ column, l line) (string, error) {
		n, err := l.number("value")
		text := human(n, l.text("unit"))
		if r, ok := l["ratio"].(float64); ok {
			text += ", " + by(r)
		}
		return text, err
	})
}

// against are a figure's values, with the ratios of those of other runs to that of the first column.
func against(columns []column, figure string, where ...string) (string, error) {
	first, err := columns[0].find(figure, where)
	if err != nil && !errors.Is(err, errMissing) {
		return "", err
	}
	return cells(columns, figure, where, func(c column, l line) (string, error) {
		n, err := l.number("value")
		text := human(n, l.text("unit"))
		if of, ok := first["value"].(float64); ok && c.run != columns[0].run {
			text += ", " + by(n/of)
		}
		return text, err
	})
}

// count are members of a figure that have no unit.
func count(member string, columns []column, figure string, where ...string) (string, error) {
	return cells(columns, figure, where, func(_ column, l line) (string, error) {
		n, err := l.number(member)
		return digits(n), err
	})
}

// factor are members of a figure that are ratios.
func factor(member string, columns []column, figure string, where ...string) (string, error) {
	return cells(columns, figure, where, func(_ column, l line) (string, error) {
		n, err := l.number(member)
		return by(n), err
	})
}

// times are a figure's values in those of another of the same run.
func times(columns []column, figure, of string, where ...string) (string, error) {
	return cells(columns, figure, where, func(c column, l line) (string, error) {
		other, err := c.find(of, where)
		if err != nil {
			return "", err
		}
		a, err1 := l.number("value")
		b, err2 := other.number("value")
		return by(a / b), errors.Join(err1, err2)
	})
}

func by(ratio float64) string {
	if ratio >= 9.995 {
		return "× " + digits(ratio)
	}
	return fmt.Sprintf("× %.2f", ratio)
}

// human says a value in a unit that suits it. Numbers of things have none: the row says what
// they are.
func human(value float64, unit string) string {
	switch unit {
	case "s":
		return seconds(value)
	case "ms":
		return seconds(value / 1e3)
	case "µs":
		return seconds(value / 1e6)
	case "MB":
		return digits(value) + " MB"
	}
	return digits(value)
}

func seconds(s float64) string {
	switch {
	case s < 1e-3:
		return digits(s*1e6) + " µs"
	case s < 0.2:
		return digits(s*1e3) + " ms"
	}
	return digits(s) + " s"
}

// digits are those of a number that say something: two, or all before the point.
func digits(n float64) string {
	if n < 0 {
		return "-" + digits(-n)
	}
	decimals := 0
	switch {
	case n >= 9.95 || n == math.Trunc(n):
	case n >= 0.995:
		decimals = 1
	case n >= 0.0995:
		decimals = 2
	default:
		decimals = 3
	}
	text := strconv.FormatFloat(n, 'f', decimals, 64)
	for i := len(text) - 3; decimals == 0 && i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
