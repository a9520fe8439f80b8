package faults

import (
	"math/rand/v2"
	"time"
)

// Fault is one thing that breaks, at a time of a round, for a time.
type Fault struct {
	Number int // from 1 in its history
	Kind   string
	Target string
	After  time.Duration // from the round's beginning
	For    time.Duration
	Salt   uint64 // what the kind draws besides
}

// Write is one change of the policy.
type Write struct {
	Slot  int
	Value int
	API   int           // that it is sent to first
	Wait  bool          // for the hosts
	After time.Duration // since the write before
}

// Round is what happens at a time: faults, and writes of each writer.
type Round struct {
	Number int // from 1
	Faults []Fault
	Writes [][]Write
}

// Universe is what a history is drawn from.
type Universe struct {
	Kinds  []Kind
	Slots  [][]int // by writer: the slots it owns
	Values []int   // by slot: how many values it can have
	APIs   int
}

// Draw makes the history of a seed, of that many faults. The same seed and
// universe make the same history.
func Draw(seed uint64, faults int, u Universe) []Round {
	var rounds []Round
	for drawn := 0; drawn < faults; {
		rng := rand.New(rand.NewPCG(seed, uint64(len(rounds))))
		r := Round{Number: len(rounds) + 1}
		r.Faults = drawFaults(rng, drawn, faults, u.Kinds)
		for _, own := range u.Slots {
			r.Writes = append(r.Writes, drawWrites(rng, own, u))
		}
		drawn += len(r.Faults)
		rounds = append(rounds, r)
	}
	return rounds
}

// drawFaults draws the faults of one round, of which no two touch the same.
func drawFaults(rng *rand.Rand, drawn, most int, kinds []Kind) (faults []Fault) {
	total := 0
	for _, k := range kinds {
		total += k.Weight
	}
	want := min([]int{1, 1, 2, 2, 3}[rng.IntN(5)], most-drawn)
	taken := map[string]bool{}
	for try := 0; len(faults) < want && (try < 20 || len(faults) == 0); try++ {
		k := pickKind(rng, kinds, total)
		f := Fault{
			Number: drawn + len(faults) + 1, Kind: k.Name, Target: k.Targets[rng.IntN(len(k.Targets))],
			After: time.Duration(rng.IntN(300)) * time.Millisecond,
			For:   k.Shortest + time.Duration(rng.Int64N(int64(k.Longest-k.Shortest)+1)).Truncate(time.Millisecond),
			Salt:  rng.Uint64(),
		}
		touched := k.Touches(f.Target)
		free := true
		for _, part := range touched {
			free = free && !taken[part]
		}
		if !free {
			continue
		}
		for _, part := range touched {
			taken[part] = true
		}
		faults = append(faults, f)
	}
	return faults
}

func pickKind(rng *rand.Rand, kinds []Kind, total int) Kind {
	n := rng.IntN(total)
	for _, k := range kinds {
		if n < k.Weight {
			return k
		}
		n -= k.Weight
	}
	panic("faults: weights that do not add up")
}

// drawWrites draws what a writer does in one round.
func drawWrites(rng *rand.Rand, own []int, u Universe) (writes []Write) {
	for range 1 + rng.IntN(4) {
		slot := own[rng.IntN(len(own))]
		writes = append(writes, Write{
			Slot: slot, Value: rng.IntN(u.Values[slot]), API: rng.IntN(u.APIs), Wait: rng.IntN(2) == 0,
			After: time.Duration(rng.IntN(500)) * time.Millisecond,
		})
	}
	return writes
}
