package inquiry

import "time"

// HitsQuestion asks what the rules of an account's group have let through.
type HitsQuestion struct {
	Account string `json:"account"`
	Group   string `json:"group"`
}

// HitsAnswer has the rules that let something through while the host's
// controller has been counting.
type HitsAnswer struct {
	Since time.Time  `json:"since"` // when the counting began
	Rules []RuleHits `json:"rules"`
}

// RuleHits is what one rule let through. What passes as established or related
// is not counted: packets are, as a rule, connections.
type RuleHits struct {
	Rule    string    `json:"rule"`
	Packets uint64    `json:"packets"`
	Bytes   uint64    `json:"bytes"`
	Last    time.Time `json:"last"`
}
