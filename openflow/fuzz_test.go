package openflow

import "testing"

// seedFlows are the sample flows, as seeds of fuzz targets.
func seedFlows(f *testing.F) []Flow {
	f.Helper()
	var seeds []Flow
	for _, text := range sampleFlows {
		flow, err := ParseFlow(text)
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, flow)
	}
	return seeds
}

// FuzzDecodeMatch holds that a decoded Match is canonical: its own TLVs and its
// terms give it again.
func FuzzDecodeMatch(f *testing.F) {
	for _, flow := range seedFlows(f) {
		f.Add([]byte(flow.Match.tlvs))
	}
	f.Add([]byte("\x80\x01\x00\x08abcdefgh"))
	f.Add([]byte("\x80\x01\x01\x10abcdefgh\xff\xff\xff\xff\xff\xff\x00\x00"))
	f.Add([]byte("\x00\x01\xde\x10abcdefghijklmnop"))
	f.Add([]byte("\x00\x00\x08\x02ab\x00\x01\x50\x01x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeMatch(b)
		if err != nil {
			return
		}
		if again, err := DecodeMatch([]byte(m.tlvs)); err != nil || again != m {
			t.Fatalf("%x: %x becomes %x, %v", b, m.tlvs, again.tlvs, err)
		}
		again, err := joinTerms(m.Terms(), false)
		if again.tlvs += m.opaque(); err != nil || again != m {
			t.Fatalf("%x: terms of %s make %s, %v", b, m, again, err)
		}
		if _, err := NewMatch(m.Terms()...); err != nil {
			return // without its prerequisites "tp_dst" may stand for several fields
		}
		if parsed, err := ParseMatch(m.String()); err == nil && parsed != m {
			t.Fatalf("%x: %q parses to %q", b, m, parsed)
		}
	})
}

// FuzzDecodeActions holds that decoded actions are canonical: their list and
// their text give them again.
func FuzzDecodeActions(f *testing.F) {
	for _, flow := range seedFlows(f) {
		f.Add([]byte(flow.Actions.instructions))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := decodeInstructions(b)
		if err != nil {
			return
		}
		a, err := NewActions(list...)
		if err != nil {
			return
		}
		if again, err := NewActions(a.List()...); err != nil || again != a {
			t.Fatalf("%x: %s becomes %s, %v", b, a, again, err)
		}
		if again, err := ParseActions(a.String()); err != nil || again != a {
			t.Fatalf("%x: %s parses to %s, %v", b, a, again, err)
		}
	})
}
