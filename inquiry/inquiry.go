// Package inquiry holds the questions that the API asks the hosts' controllers
// through the store (store.Ask), and their answers. They are JSON between
// processes that may be of different versions: fields are added, never changed.
package inquiry

// The kinds of questions.
const (
	KindTrace       = "trace"       // TraceQuestion → TraceAnswer
	KindFlows       = "flows"       // FlowsQuestion → FlowsAnswer
	KindConnections = "connections" // ConnectionsQuestion → ConnectionsAnswer
	KindHits        = "hits"        // HitsQuestion → HitsAnswer
	KindDrops       = "drops"       // DropsQuestion → DropsAnswer
	KindProbe       = "probe"       // ProbeQuestion → ProbeAnswer
)

// Verdict is what becomes of a packet.
type Verdict string

// The verdicts.
const (
	Allow   Verdict = "allow"
	Deny    Verdict = "deny"
	Unknown Verdict = "unknown" // nobody could tell
)

// Group names a group.
type Group struct {
	Account string `json:"account"`
	ID      string `json:"id"`
}

// Rule names a rule.
type Rule struct {
	Account string `json:"account"`
	Group   string `json:"group"`
	ID      string `json:"id"`
}
