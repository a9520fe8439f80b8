package openflow

import (
	"fmt"
	"slices"
	"strings"
)

func parseResubmit(t token) (Action, error) {
	if t.sep != '(' {
		p, err := parsePort(t.value)
		return Resubmit{Table: 255, InPort: p}.normal(), err
	}
	parts := strings.Split(t.value, ",")
	a := Resubmit{Table: 255}
	if len(parts) > 3 || len(parts) == 3 && parts[2] != "ct" {
		return nil, fmt.Errorf("(port,table), (port,table,ct), and no more")
	}
	var err error
	if parts[0] != "" {
		if a.InPort, err = parsePort(parts[0]); err != nil {
			return nil, err
		}
	}
	if len(parts) > 1 && parts[1] != "" {
		v, err := parseUint(parts[1], 8)
		if err != nil {
			return nil, err
		}
		a.Table = uint8(v)
	}
	if a.InPort == 0 && a.Table == 255 {
		return nil, fmt.Errorf("neither port nor table")
	}
	a.WithCT = len(parts) == 3
	return a.normal(), nil
}

// normal leaves the input port out where it is the packet's own.
func (a Resubmit) normal() Resubmit {
	if a.InPort == PortInPort {
		a.InPort = 0
	}
	return a
}

func parseConjunction(s string) (Action, error) {
	id, clause, ok := strings.Cut(s, ",")
	k, of, ok2 := strings.Cut(clause, "/")
	if !ok || !ok2 {
		return nil, fmt.Errorf("not of the form (id,clause/of)")
	}
	i, err := parseUint(strings.TrimSpace(id), 32)
	if err != nil {
		return nil, err
	}
	c, err := parseUint(strings.TrimSpace(k), 8)
	if err != nil {
		return nil, err
	}
	n, err := parseUint(strings.TrimSpace(of), 8)
	return Conjunction{uint32(i), uint8(c), uint8(n)}, err
}

// arguments yields the tokens of an action's argument; each key at most once.
func arguments(s string, take func(token) error) error {
	seen := map[string]bool{}
	for {
		t, rest, done, err := nextToken(s)
		if err != nil || done {
			return err
		}
		if seen[t.key] {
			return fmt.Errorf("%s is given twice", t.key)
		}
		seen[t.key] = true
		if err := take(t); err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		s = rest
	}
}

func parseCT(s string, depth int) (Action, error) {
	a := CT{Table: NoTable}
	err := arguments(s, func(t token) error {
		var (
			v   uint64
			err error
		)
		switch t.key {
		case "commit":
			a.Commit = true
		case "force":
			a.Force = true
		case "table":
			v, err = parseUint(t.value, 8)
			a.Table = int(v)
		case "zone":
			if strings.HasSuffix(t.value, "]") {
				a.ZoneField, a.ZoneBits, err = parseSubfield(t.value)
				if a.ZoneBits == (Range{0, 16}) {
					a.ZoneBits = Range{}
				}
				return err
			}
			v, err = parseUint(t.value, 16)
			a.Zone = uint16(v)
		case "exec":
			a.Exec, err = parseActionList(t.value, depth+1)
		case "alg":
			switch t.value {
			case "ftp":
				a.ALG = 21
			case "tftp":
				a.ALG = 69
			default:
				v, err = parseUint(t.value, 16)
				a.ALG = uint16(v)
			}
		default:
			err = fmt.Errorf("unknown")
		}
		return err
	})
	return a, err
}

func parseController(s string) (Action, error) {
	a := Controller{MaxLen: NoBuffer, Reason: ReasonAction}
	if s != "" && strings.Trim(s, "0123456789") == "" {
		v, err := parseUint(s, 16)
		return Output{PortController, uint16(v)}, err
	}
	err := arguments(s, func(t token) error {
		var (
			v   uint64
			err error
		)
		switch t.key {
		case "reason":
			i := slices.Index(reasonNames[:], t.value)
			if i < 0 {
				if v, err = parseUint(t.value, 8); err != nil {
					return fmt.Errorf("unknown reason")
				}
				i = int(v)
			}
			a.Reason = PacketInReason(i)
		case "max_len":
			v, err = parseUint(t.value, 16)
			a.MaxLen = uint16(v)
		case "id":
			v, err = parseUint(t.value, 16)
			a.ID = uint16(v)
		case "userdata":
			a.UserData, err = parseBytes(t.value)
		case "pause":
			a.Pause = true
		case "meter_id":
			v, err = parseUint(t.value, 32)
			a.Meter = uint32(v)
		default:
			err = fmt.Errorf("unknown")
		}
		return err
	})
	return a.simplify(), err
}
