package policytest

import (
	_ "embed" // the scenarios
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

//go:embed semantics.txt
var semantics string

// Scenario is one sentence of docs/semantics.md with a policy and packets that show
// it, in the language that semantics.txt explains.
type Scenario struct {
	Name  string
	Steps []ScenarioStep
}

// ScenarioStep is one line: a change of the policy, or a packet and its verdict.
type ScenarioStep struct {
	Line    int // in the file
	Text    string
	Changes []secgroup.Change
	Check   *Check
}

// Check is a packet between two ends and what is to become of it.
type Check struct {
	Src, Dst string // NIC ids, "" for an end that is not ours
	Packet   packet.Tuple
	Allow    bool
	Why      []string // "egress no-rule", "ingress web/r1": each must hold; none given, none looked at
}

// Case resolves the check's NICs in a snapshot.
func (c *Check) Case(s *secgroup.Snapshot) Case {
	return Case{Src: s.NIC(c.Src), Dst: s.NIC(c.Dst), Packet: c.Packet}
}

// Semantics returns the scenarios of semantics.txt. Each starts from an empty
// snapshot.
func Semantics() ([]Scenario, error) { return ParseScenarios(semantics) }

// ParseScenarios reads the language of semantics.txt.
func ParseScenarios(text string) ([]Scenario, error) {
	var (
		all   []Scenario
		world *world
	)
	for i, line := range strings.Split(text, "\n") {
		code, _, _ := strings.Cut(line, "//")
		words := strings.Fields(code)
		if len(words) == 0 {
			continue
		}
		if words[0] == "#" {
			all = append(all, Scenario{Name: strings.Join(words[1:], " ")})
			world = newWorld()
			all[len(all)-1].Steps = []ScenarioStep{{Line: i + 1, Text: "the networks and accounts", Changes: world.start()}}
			continue
		}
		if world == nil {
			return nil, fmt.Errorf("line %d: before the first heading", i+1)
		}
		step := ScenarioStep{Line: i + 1, Text: strings.TrimSpace(code)}
		var err error
		if strings.Contains(code, " > ") {
			step.Check, err = world.check(code)
		} else {
			step.Changes, err = world.change(words)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d, %q: %w", i+1, step.Text, err)
		}
		world.snapshot, _ = world.snapshot.With(int64(i+1), step.Changes)
		scenario := &all[len(all)-1]
		scenario.Steps = append(scenario.Steps, step)
	}
	return all, nil
}

// Explain writes a decision as the Why of a Check does.
func Explain(direction secgroup.Direction, d verdict.Decision) string {
	if d.Reason == verdict.ReasonRule {
		return fmt.Sprintf("%s %s/%s", direction, d.Rule.Group.ID, d.Rule.ID)
	}
	return fmt.Sprintf("%s %s", direction, d.Reason)
}
