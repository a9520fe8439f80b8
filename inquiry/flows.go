package inquiry

// FlowsQuestion asks for the installed flows of NICs that are plugged at the
// host: those of the NICs themselves, of the sets of groups that judge them, and
// of the rules of an account and of groups that are shared with it.
type FlowsQuestion struct {
	Account string   `json:"account"`
	NICs    []string `json:"nics"`
	Shared  []Group  `json:"shared,omitempty"` // other accounts' groups that judge the NICs
	Group   string   `json:"group,omitempty"`  // only flows of its rules
	// GroupAccount is that of Group; "" is Account.
	GroupAccount string `json:"group_account,omitempty"`
	Rule         string `json:"rule,omitempty"`   // only flows of this rule
	Cookie       string `json:"cookie,omitempty"` // only flows with this cookie, "0x…"
	Limit        int    `json:"limit"`
}

// FlowsAnswer is sorted by table, then by priority downwards.
type FlowsAnswer struct {
	Applied   int64  `json:"applied"`
	Flows     []Flow `json:"flows"`
	Truncated bool   `json:"truncated,omitempty"` // there are more than the limit
}

// Flow is an installed flow.
type Flow struct {
	Table     uint8   `json:"table"`
	TableName string  `json:"table_name"`
	Priority  int     `json:"priority"`
	Cookie    string  `json:"cookie"`
	Kind      string  `json:"kind"`
	NIC       string  `json:"nic,omitempty"`
	Rules     []Rule  `json:"rules,omitempty"` // that it stands for, or is a clause of
	Match     string  `json:"match"`
	Actions   string  `json:"actions"`
	Packets   uint64  `json:"packets"`
	Bytes     uint64  `json:"bytes"`
	Age       float64 `json:"age"`   // seconds since it was put in place
	Ofctl     string  `json:"ofctl"` // as ovs-ofctl dump-flows --no-stats prints it
}
