package policytest_test

import (
	"strings"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
)

// TestScenarioFaults: a line that cannot be meant is refused, with its number.
func TestScenarioFaults(t *testing.T) {
	for _, line := range []string{
		"grup web",
		"group",
		"group web sometimes",
		"rule none/r1 ingress tcp",
		"rule default/r1 ingress",
		"rule default/r1 sideways tcp",
		"rule default/r1 ingress tcp 80-x",
		"rule default/r1 ingress tcp cidr",
		"rule default/r1 ingress tcp cidr 10.0.0/8",
		"rule default/r1 ingress icmp type 300",
		"rule default/r1 ingress all 80",
		"nic a",
		"nic a blue-1 10.0.0",
		"nic a blue-1 allowed 10.0.0.1",
		"nic a blue-1 mac 52",
		"attach web",
		"attach web vm vm",
		"network nowhere domain x",
		"network blue-1 colour red",
		"network blue-1 vlan many",
		"baseline tcp 1.2.3.4",
		"baseline gre 1.2.3.4 80",
		"8.8.8.8 > 1.1.1.1 tcp 80",
		"8.8.8.8 > 1.1.1.1 tcp : allow",
		"8.8.8.8 > 1.1.1.1 tcp 80 : perhaps",
		"8.8.8.8 > ::1 tcp 80 : allow",
		"8.8.8.8 > a tcp 80 : allow",
		"8.8.8.8 > 1.1.1.1 icmp echo : allow",
	} {
		if _, err := policytest.ParseScenarios("# heading\n" + line + "\n"); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: %v", line, err)
		}
	}
	if _, err := policytest.ParseScenarios("group web\n"); err == nil {
		t.Error("a line before the first heading is taken")
	}
}
