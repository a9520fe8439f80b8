package unixctl

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Limits are the datapath's limits of connections per zone; 0 is unlimited.
type Limits struct {
	Default uint32 // of zones without their own
	Zones   []ZoneLimit
}

// ZoneLimit is the limit of one zone.
type ZoneLimit struct {
	Zone  uint16
	Limit uint32 // 0 = unlimited
	Count uint32 // connections now; of a zone without its own limit, those of all such zones
}

// GetLimits reads the limits of the given zones, or of all zones that have
// their own.
func (c *Client) GetLimits(ctx context.Context, zones ...uint16) (Limits, error) {
	const command = "ct-get-limits"
	text, err := c.dpctl(ctx, command, nil, zoneList(zones)...)
	if err != nil {
		return Limits{}, err
	}
	l, err := ParseLimits(text)
	if err != nil {
		return Limits{}, &OpError{Op: "dpctl/" + command, Err: err}
	}
	return l, nil
}

// SetLimits sets limits of single zones; Count does not matter.
func (c *Client) SetLimits(ctx context.Context, zones ...ZoneLimit) error {
	if len(zones) == 0 {
		return nil
	}
	args := make([]string, len(zones))
	for i, z := range zones {
		args[i] = fmt.Sprintf("zone=%d,limit=%d", z.Zone, z.Limit)
	}
	_, err := c.dpctl(ctx, "ct-set-limits", nil, args...)
	return err
}

// zoneList is the argument "zone=1,2,…", or none.
func zoneList(zones []uint16) []string {
	if len(zones) == 0 {
		return nil
	}
	list := make([]string, len(zones))
	for i, z := range zones {
		list[i] = strconv.FormatUint(uint64(z), 10)
	}
	return []string{"zone=" + strings.Join(list, ",")}
}

// ParseLimits reads the answer of dpctl/ct-get-limits: a line with the
// default, if there is one, and a line per zone.
func ParseLimits(text string) (Limits, error) {
	var l Limits
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			continue
		}
		if v, ok := strings.CutPrefix(line, "default limit="); ok {
			n, err := number[uint32](v)
			if err != nil {
				return Limits{}, fmt.Errorf("limits %q: %w", line, err)
			}
			l.Default = n
			continue
		}
		z, err := parseZoneLimit(line)
		if err != nil {
			return Limits{}, fmt.Errorf("limits %q: %w", line, err)
		}
		l.Zones = append(l.Zones, z)
	}
	return l, nil
}

func parseZoneLimit(line string) (z ZoneLimit, err error) {
	var seen seen
	for rest := line; rest != ""; {
		var key, value string
		if key, value, rest, err = nextToken(rest); err != nil {
			return ZoneLimit{}, err
		}
		if err := seen.add(key); err != nil {
			return ZoneLimit{}, err
		}
		switch key {
		case "zone":
			z.Zone, err = number[uint16](value)
		case "limit":
			z.Limit, err = number[uint32](value)
		case "count":
			z.Count, err = number[uint32](value)
		default:
			err = errUnknown
		}
		if err != nil {
			return ZoneLimit{}, fmt.Errorf("token %s=%s: %w", key, value, err)
		}
	}
	return z, seen.need("zone", "limit", "count")
}
