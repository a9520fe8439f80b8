package output

import (
	"strconv"
	"time"
)

// Cell is one field of a table.
type Cell struct {
	Text  string
	Style Style
}

// Text is a plain cell.
func Text(s string) Cell { return Cell{Text: s} }

// Styled is a cell in a style.
func Styled(s string, how Style) Cell { return Cell{s, how} }

// WideTimes are the columns that -o wide shows of objects that tell them.
var WideTimes = []string{"CREATED", "UPDATED", "REVISION"}

// TimeCell shows a time, and nothing for none.
func TimeCell(t time.Time) Cell {
	if t.IsZero() {
		return Cell{}
	}
	return Text(t.UTC().Format(time.RFC3339))
}

// RevisionCell shows a revision.
func RevisionCell(r int64) Cell { return Text(strconv.FormatInt(r, 10)) }

// YesNo shows whether something is so.
func YesNo(yes bool) Cell {
	if yes {
		return Cell{"yes", Green}
	}
	return Cell{"no", Red}
}

// Ago says how long ago t was, in round words.
func Ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := time.Since(t)
	switch {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + " s ago"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min ago"
	default:
		return t.Local().Format(time.DateTime)
	}
}
