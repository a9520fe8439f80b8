// Package lines is how benchmarks tell what they have measured: JSON objects, one a line. The
// first says what made the others, and where, so that a file with a run's lines says all of it:
//
//	{"bench":"run","command":"go run ./cmd/bench -size M","commit":"47bc5aa","date":"2026-11-30","load":0.2,"machine":"2 × AMD EPYC, Linux 6.18.44, …"}
//	{"bench":"ringfence","size":"M","figure":"flows_total","value":1234,"unit":"flows","load":0.7}
//
// Every line has the load average of the last minute: a busy machine explains a slow figure.
package lines

import (
	"encoding/json"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/prometheus/procfs"
)

// Members are members of a line's object.
type Members map[string]any

// Writer prints the lines of a run.
type Writer struct {
	out   io.Writer
	proc  procfs.FS
	every Members
}

// With is a writer of the same run whose lines have some members more.
func (w *Writer) With(more Members) *Writer {
	every := maps.Clone(w.every)
	maps.Copy(every, more)
	return &Writer{w.out, w.proc, every}
}

// Figure prints one figure.
func (w *Writer) Figure(name string, value float64, unit string, more Members) error {
	line := Members{"figure": name, "value": value, "unit": unit}
	maps.Copy(line, more)
	return w.print(line)
}

func (w *Writer) print(line Members) error {
	load, err := w.proc.LoadAvg()
	if err != nil {
		return err
	}
	line["load"] = load.Load1
	maps.Copy(line, w.every)
	for name, value := range line {
		if number, ok := value.(float64); ok {
			line[name] = math.Round(number*1e6) / 1e6 // digits beyond that say nothing
		}
	}
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = w.out.Write(append(b, '\n'))
	return err
}

// Median prints the median of several values with their number and range.
// Nothing is printed of none.
func (w *Writer) Median(name string, values []float64, unit string, more Members) error {
	if len(values) == 0 {
		return nil
	}
	all := Members{"n": len(values), "min": slices.Min(values), "max": slices.Max(values)}
	maps.Copy(all, more)
	return w.Figure(name, Median(values), unit, all)
}

// Median is the median of some values.
func Median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}
