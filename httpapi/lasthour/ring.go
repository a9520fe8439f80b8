package lasthour

import "time"

// ring has a value for each step of an hour that one was set for.
type ring[T any] struct {
	steps  [Points]uint32
	values [Points]T
}

// stepOf numbers the steps since 1970.
func stepOf(t time.Time) uint32 { return uint32(t.Unix() / int64(Step/time.Second)) }

func timeOf(step uint32) time.Time { return time.Unix(int64(step)*int64(Step/time.Second), 0).UTC() }

// at returns the value of a step, and whether there is one.
func (r *ring[T]) at(step uint32) (v T, ok bool) {
	i := int(step) % Points
	if r.steps[i] != step {
		return v, false
	}
	return r.values[i], true
}

func (r *ring[T]) set(step uint32, v T) {
	i := int(step) % Points
	r.steps[i], r.values[i] = step, v
}
