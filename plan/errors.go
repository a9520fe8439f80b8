package plan

import "errors"

// ErrNotFound says that the object the request is about does not exist, or
// not in this account: a caller learns no difference.
var ErrNotFound = errors.New("no such object")

// ErrPrecondition says that the request's Condition does not hold.
var ErrPrecondition = errors.New("the object is not in the state that the request expects")

// The codes of conflicts, docs/api.md "Errors".
const (
	CodeNameTaken       = "name-taken"
	CodeGroupInUse      = "group-in-use"
	CodeGroupReferenced = "group-referenced"
	CodeDefaultGroup    = "default-group"
	CodeNetworkInUse    = "network-in-use"
	CodePrefixOverlap   = "prefix-overlap"
	CodeAddressInUse    = "address-in-use"
	CodeMACInUse        = "mac-in-use"
	CodeVLANInUse       = "vlan-in-use"
	CodeWouldOpenEgress = "would-open-egress"
	CodeInstanceInUse   = "instance-in-use"
	CodeQuotaExceeded   = "quota-exceeded"
)

// Conflict says that the request is sound but the policy's state forbids it.
type Conflict struct {
	Code       string
	Detail     string
	Dependents []Dependent // what stands in the way
}

func (c *Conflict) Error() string { return c.Code + ": " + c.Detail }

// Dependent is something that stands in the way of a request. Which fields are
// set says what it is: a rule (Group, Rule), an attachment of the group
// (NIC or Instance), or the object of that kind.
type Dependent struct {
	Group    string `json:"group,omitempty"`
	Rule     string `json:"rule,omitempty"`
	NIC      string `json:"nic,omitempty"`
	Instance string `json:"instance,omitempty"`
	Network  string `json:"network,omitempty"`
	Address  string `json:"address,omitempty"`
	MAC      string `json:"mac,omitempty"`
	// Account is whose it is. An answer says it of another account's, of which
	// that account alone learns more.
	Account string `json:"account,omitempty"`
}
