package wire

import (
	"fmt"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// readMatch reads a struct ofp_match with its padding.
func readMatch(r *octets.Reader) (openflow.Match, error) {
	typ, n := r.U16(), int(r.U16())
	if typ != 1 || n < 4 {
		return openflow.Match{}, fmt.Errorf("openflow: match of type %d, %d bytes", typ, n)
	}
	tlvs := r.Take(n - 4)
	r.Skip(-n & 7)
	if err := r.Err("match"); err != nil {
		return openflow.Match{}, err
	}
	return openflow.DecodeMatch(tlvs)
}

// appendMatch adds a struct ofp_match.
func appendMatch(b []byte, m openflow.Match) []byte {
	start := len(b)
	b = append(b, 0, 1, 0, 0)
	b = append(b, m.OXM()...)
	octets.SetLen(b[start:], len(b)-start)
	return octets.Pad8(b, start)
}
