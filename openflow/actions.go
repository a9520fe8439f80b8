package openflow

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// Actions is what a flow does, as one comparable value. The zero Actions drops
// the packet. It is one string: the OpenFlow 1.5 instructions (§7.2.5) as Open
// vSwitch would send them back.
type Actions struct{ instructions string }

// NewActions joins actions in the order given. Goto and WriteMetadata come
// last; conjunctions stand alone or with notes. Conjunctions, whose order
// means nothing, are sorted by id and clause.
func NewActions(list ...Action) (Actions, error) {
	if len(list) == 0 {
		return Actions{}, nil
	}
	if _, ok := list[0].(Conjunction); ok {
		list = sortConjunctions(list)
	}
	var buf [192]byte
	b, err := appendInstructions(buf[:0], list)
	if err != nil {
		return Actions{}, err
	}
	return Actions{string(b)}, nil
}

// MustActions is NewActions for actions known to be right; it panics if they
// are not.
func MustActions(list ...Action) Actions {
	a, err := NewActions(list...)
	if err != nil {
		panic(err)
	}
	return a
}

// List is the actions, in order.
func (a Actions) List() []Action {
	list, _ := decodeInstructions([]byte(a.instructions))
	return list
}

// IsDrop reports whether there is no action.
func (a Actions) IsDrop() bool { return a.instructions == "" }

// Len is the length in bytes of the actions on the wire.
func (a Actions) Len() int { return len(a.instructions) }

func sortConjunctions(list []Action) []Action {
	compare := func(a, b Action) int {
		x, ok := a.(Conjunction)
		y, ok2 := b.(Conjunction)
		if !ok || !ok2 {
			return cmp.Compare(btoi(!ok), btoi(!ok2))
		}
		return cmp.Or(cmp.Compare(x.ID, y.ID), cmp.Compare(x.Clause, y.Clause))
	}
	if slices.IsSortedFunc(list, compare) {
		return list
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, compare)
	return list
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Instruction numbers of OpenFlow 1.5 §7.2.5.
const (
	instGoto          = 1
	instWriteMetadata = 2
	instWriteActions  = 3
	instApplyActions  = 4
	instClearActions  = 5
)

// maxInstructions is how long instructions can be, beside an empty match.
const maxInstructions = MaxMessage - DumpOverhead - 8

// appendInstructions adds the instructions for a list of actions.
func appendInstructions(b []byte, list []Action) ([]byte, error) {
	var err error
	apply := -1          // where the apply-actions instruction starts
	stage, conj := 0, -1 // stage: 0 in actions, then the order of instructions
	for i, a := range list {
		if next, ok := instructionOrder(a); ok {
			if next <= stage {
				return nil, fmt.Errorf("openflow: %s comes too late or twice", actionName(a))
			}
			stage = next
			b = closeInstruction(b, apply)
			apply = -1
			if b, err = appendInstruction(b, a); err != nil {
				return nil, err
			}
			continue
		}
		if stage > 0 {
			return nil, fmt.Errorf("openflow: %s follows the last of a flow's actions", actionName(a))
		}
		if _, ok := a.(Conjunction); ok && conj < 0 {
			conj = i
		}
		if apply < 0 {
			apply = len(b)
			b = append(b, 0, instApplyActions, 0, 0, 0, 0, 0, 0)
		}
		if b, err = appendAction(b, a, inFlow); err != nil {
			return nil, err
		}
		if len(b) > maxInstructions {
			return nil, fmt.Errorf("openflow: %d actions: %w", len(list), ErrTooLong)
		}
	}
	if conj >= 0 {
		if err := onlyConjunctions(list); err != nil {
			return nil, err
		}
	}
	b = closeInstruction(b, apply)
	if len(b) > maxInstructions {
		return nil, fmt.Errorf("openflow: %d actions: %w", len(list), ErrTooLong)
	}
	return b, nil
}

// ErrTooLong is returned for what does not fit an OpenFlow message, whose
// length field has 16 bits.
var ErrTooLong = errors.New("longer than an OpenFlow message can be")

func onlyConjunctions(list []Action) error {
	for _, a := range list {
		switch a.(type) {
		case Conjunction, Note:
		default:
			return fmt.Errorf("openflow: conjunction stands beside %s: only notes may", actionName(a))
		}
	}
	return nil
}

// instructionOrder is the place of an action that is an instruction of its own.
func instructionOrder(a Action) (int, bool) {
	switch a := a.(type) {
	case WriteMetadata:
		return 3, true
	case Goto:
		return 4, true
	case Unknown:
		if a.Instruction && len(a.Raw) > 2 && a.Raw[1] == instClearActions {
			return 1, true
		}
		return 2, a.Instruction
	}
	return 0, false
}

func appendInstruction(b []byte, a Action) ([]byte, error) {
	switch a := a.(type) {
	case Goto:
		return append(b, 0, instGoto, 0, 8, a.Table, 0, 0, 0), nil
	case WriteMetadata:
		mask := a.Mask
		if mask == 0 {
			mask = ^uint64(0)
		}
		b = append(b, 0, instWriteMetadata, 0, 24, 0, 0, 0, 0)
		return octets.Put64(octets.Put64(b, a.Value&mask), mask), nil
	case Unknown:
		return append(b, a.Raw...), a.check(true)
	}
	return b, nil
}

// check sees to it that the bytes are one action, or one instruction, that is
// unknown indeed: a known one has a struct, and one way only to be written.
func (a Unknown) check(instruction bool) error {
	n := len(a.Raw)
	if a.Instruction != instruction || n < 8 || n%8 != 0 || int(a.Raw[2])<<8|int(a.Raw[3]) != n {
		return errors.New("openflow: an unknown action of bytes that are none")
	}
	var list []Action
	var err error
	if instruction {
		list, err = decodeInstructions([]byte(a.Raw))
	} else {
		list, err = decodeActions(nil, []byte(a.Raw), 0)
	}
	if err != nil {
		return err
	}
	if len(list) != 1 || list[0] != Action(a) {
		return errors.New("openflow: a known action is given as unknown")
	}
	return nil
}

// closeInstruction writes the length of the instruction that starts at start.
func closeInstruction(b []byte, start int) []byte {
	if start >= 0 {
		octets.SetLen(b[start:], len(b)-start)
	}
	return b
}
