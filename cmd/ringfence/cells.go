package main

import (
	"strconv"
	"time"
)

// cell is one field of a table.
type cell struct {
	text  string
	style style
}

func text(s string) cell { return cell{text: s} }

// styled is a cell in a style.
func styled(s string, how style) cell { return cell{s, how} }

// wideTimes are the columns that -o wide shows of objects that tell them.
var wideTimes = []string{"CREATED", "UPDATED", "REVISION"}

// timeCell shows a time, and nothing for none.
func timeCell(t time.Time) cell {
	if t.IsZero() {
		return cell{}
	}
	return text(t.UTC().Format(time.RFC3339))
}

func revisionCell(r int64) cell { return text(strconv.FormatInt(r, 10)) }

func yesNo(yes bool) cell {
	if yes {
		return cell{"yes", green}
	}
	return cell{"no", red}
}

// ago says how long ago t was, in round words.
func ago(t time.Time) string {
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
