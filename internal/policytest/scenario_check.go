package policytest

import (
	"fmt"
	"net/netip"
	"strings"
)

// check reads: END > END PROTOCOL [PORT] [from PORT] : allow|deny [(WHY, WHY)].
func (w *world) check(line string) (*Check, error) {
	packet, want, ok := strings.Cut(line, " : ")
	if !ok {
		return nil, fmt.Errorf("no \" : \" before the verdict")
	}
	from, rest, _ := strings.Cut(packet, " > ")
	words := strings.Fields(rest)
	if len(words) < 2 {
		return nil, fmt.Errorf("a packet needs a destination and a protocol")
	}
	c := &Check{}
	src, err := w.end(strings.TrimSpace(from), &c.Src)
	if err != nil {
		return nil, err
	}
	dst, err := w.end(words[0], &c.Dst)
	if err != nil {
		return nil, err
	}
	if err := c.addresses(src, dst); err != nil {
		return nil, err
	}
	if err := c.Packet.SetPayload(words[1:]...); err != nil {
		return nil, err
	}
	answer, why, _ := strings.Cut(strings.TrimSpace(want), " ")
	if c.Allow = answer == "allow"; !c.Allow && answer != "deny" {
		return nil, fmt.Errorf("verdict %q", answer)
	}
	if why = strings.Trim(why, "() "); why != "" {
		c.Why = strings.Split(why, ", ")
	}
	return c, nil
}

// end reads one end, NIC, ADDRESS or NIC@ADDRESS, and returns the addresses it may stand for.
func (w *world) end(s string, nic *string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return []netip.Addr{a}, nil
	}
	name, address, given := strings.Cut(s, "@")
	n := w.snapshot.NIC(name)
	if n == nil {
		return nil, fmt.Errorf("no nic %q", name)
	}
	*nic = name
	if !given {
		return n.Addresses, nil
	}
	if address == "link-local" {
		return []netip.Addr{n.MAC.LinkLocal()}, nil
	}
	a, err := netip.ParseAddr(address)
	return []netip.Addr{a}, err
}

// addresses takes the first pair of one family.
func (c *Check) addresses(src, dst []netip.Addr) error {
	for _, a := range src {
		for _, b := range dst {
			if a.Is4() == b.Is4() {
				c.Packet.Src, c.Packet.Dst = a, b
				return nil
			}
		}
	}
	return fmt.Errorf("no two addresses of one family in %v and %v", src, dst)
}
