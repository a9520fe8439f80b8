package verdict_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// TestSemantics walks through policytest's semantics.txt, the sentences of the
// semantics with the packets that show them.
func TestSemantics(t *testing.T) {
	scenarios, err := policytest.Semantics()
	if err != nil {
		t.Fatal(err)
	}
	for _, scenario := range scenarios {
		t.Run(scenario.Name, func(t *testing.T) {
			s := secgroup.NewSnapshot()
			for _, step := range scenario.Steps {
				if step.Check == nil {
					s, _ = s.With(int64(step.Line), step.Changes)
					continue
				}
				c := step.Check.Case(s)
				egress, ingress, allow := verdict.Decide(s, c.Src, c.Dst, c.Packet)
				var why []string
				if egress != nil {
					why = append(why, policytest.Explain(secgroup.Egress, *egress))
				}
				if ingress != nil {
					why = append(why, policytest.Explain(secgroup.Ingress, *ingress))
				}
				right := allow == step.Check.Allow
				for _, w := range step.Check.Why {
					right = right && slices.Contains(why, w)
				}
				if !right {
					t.Errorf("semantics.txt:%d: %s\nis allow=%v (%s)", step.Line, step.Text, allow, strings.Join(why, ", "))
				}
			}
		})
	}
}
