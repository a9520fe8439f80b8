package main

import (
	"encoding/json"
	"io"
	"maps"
	"math"
	"slices"
	"time"
)

// figures prints one JSON object a line:
//
//	{"bench":"ringfence","size":"M","figure":"flows_total","value":1234,"unit":"flows"}
type figures struct {
	out  io.Writer
	size string
}

// extra are further members of a figure's object.
type extra map[string]any

// one prints one figure.
func (f figures) one(figure string, value float64, unit string, more extra) error {
	line := map[string]any{
		"bench": "ringfence", "size": f.size, "figure": figure,
		"value": math.Round(value*1e6) / 1e6, "unit": unit,
	}
	maps.Copy(line, more)
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = f.out.Write(append(b, '\n'))
	return err
}

// median prints the median of several values with their number and range.
// Nothing is printed of none.
func (f figures) median(figure string, values []float64, unit string, more extra) error {
	if len(values) == 0 {
		return nil
	}
	values = slices.Sorted(slices.Values(values))
	middle := values[len(values)/2]
	if len(values)%2 == 0 {
		middle = (middle + values[len(values)/2-1]) / 2
	}
	all := extra{
		"n":   len(values),
		"min": math.Round(values[0]*1e6) / 1e6, "max": math.Round(values[len(values)-1]*1e6) / 1e6,
	}
	maps.Copy(all, more)
	return f.one(figure, middle, unit, all)
}

func seconds(d time.Duration) float64 { return d.Seconds() }
